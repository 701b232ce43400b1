//! Accounts: registration, provisioning, bootstrap, changes by administrators, and passwords.

pub mod account;
pub mod account_change;
pub mod account_deletion;
pub mod account_directory;
pub mod account_request;
pub mod bootstrap;
pub mod breach_check;
pub mod breach_review;
pub mod disavowal;
pub(crate) mod field_error;
pub mod new_password;
pub mod own_data;
pub mod password_change;
pub mod password_reset;
pub mod password_reset_request;
pub mod profile;
pub mod provisioning;
pub mod registration;
