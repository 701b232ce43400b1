//! One module for each verb.

pub(crate) mod audit;
pub(crate) mod config_check;
pub(crate) mod doctor;
pub(crate) mod keys;
pub(crate) mod matrix;
pub(crate) mod migrate;
pub(crate) mod serve;
pub(crate) mod service_credential;
pub(crate) mod user_create;
pub(crate) mod user_end_sessions;
pub(crate) mod user_import;
pub(crate) mod user_unlock;
pub(crate) mod worker;
