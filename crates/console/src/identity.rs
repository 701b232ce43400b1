//! Pages of accounts: registration, verification, passwords, profile.

pub(crate) mod account_change;
pub(crate) mod account_deletion;
pub(crate) mod account_directory;
pub(crate) mod bootstrap;
pub(crate) mod disavowal;
pub(crate) mod email;
pub(crate) mod email_change;
pub(crate) mod email_verification;
pub(crate) mod invitation;
mod link;
pub(crate) mod mail_notice;
pub(crate) mod own_data;
pub(crate) mod password_change;
pub(crate) mod password_reset;
pub(crate) mod password_reset_request;
pub(crate) mod profile;
pub(crate) mod registration;
