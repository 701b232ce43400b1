//! Routes of accounts: registration, verification of addresses, first administrator, password change, administration.

pub(crate) mod account;
pub(crate) mod account_change;
pub(crate) mod account_deletion;
pub(crate) mod account_directory;
pub(crate) mod bootstrap;
pub(crate) mod disavowal;
pub(crate) mod email_change;
pub(crate) mod email_verification;
pub(crate) mod invitation;
pub(crate) mod network_allowlist;
pub(crate) mod own_data;
pub(crate) mod password_change;
pub(crate) mod password_removal;
pub(crate) mod password_reset;
pub(crate) mod password_reset_request;
pub(crate) mod profile;
pub(crate) mod registration;
