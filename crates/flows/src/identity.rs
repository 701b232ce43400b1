//! Accounts: registration, invitations, verification of addresses, provisioning, bootstrap, changes
//! by administrators, and passwords.

pub mod account;
pub mod account_change;
pub mod account_deletion;
pub mod account_directory;
pub mod account_request;
pub mod bootstrap;
pub mod breach_check;
pub mod breach_review;
mod creation;
pub mod disavowal;
pub mod email_change;
pub mod email_verification;
pub(crate) mod field_error;
pub mod invitation;
pub mod mail_limit;
pub mod network_allowlist;
pub mod new_password;
pub mod own_data;
pub mod password_change;
pub mod password_removal;
pub mod password_reset;
pub mod password_reset_request;
pub mod pending_registration;
pub mod profile;
pub mod provisioning;
pub mod registration;
