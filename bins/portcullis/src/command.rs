//! One module for each verb. The module of a group of verbs lists them and runs the selected one. The
//! arguments of a verb stand beside the function that runs it.

pub(crate) mod api_key;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod ban;
pub(crate) mod breach_filter;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod hash;
pub(crate) mod health;
pub(crate) mod invite;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod man_pages;
pub(crate) mod matrix;
pub(crate) mod migrate;
pub(crate) mod restore;
pub(crate) mod risk;
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod status;
pub(crate) mod user;
pub(crate) mod worker;
