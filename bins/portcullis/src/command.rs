//! One module for each verb; that of a group of verbs says which there are and runs the one that is
//! asked for. The arguments of a verb stand beside the function that runs it.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod keys;
pub(crate) mod matrix;
pub(crate) mod migrate;
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod user;
pub(crate) mod worker;
