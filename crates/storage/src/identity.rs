//! Storage of the area `identity`: registration, invitations, addresses, import, bootstrap,
//! accounts, passwords, email keys.

pub(crate) mod account;
pub(crate) mod account_change;
pub(crate) mod account_directory;
pub(crate) mod bootstrap;
pub(crate) mod breach_review;
pub(crate) mod disavowal;
pub(crate) mod email_change;
pub(crate) mod email_key;
pub(crate) mod email_verification;
pub(crate) mod former_email;
pub(crate) mod invitation;
pub(crate) mod mail_allowance;
pub(crate) mod own_data;
pub(crate) mod password_change;
pub(crate) mod password_removal;
pub(crate) mod password_reset;
pub(crate) mod password_reset_request;
pub(crate) mod pending_registration;
pub(crate) mod pepper;
pub(crate) mod profile;
pub(crate) mod provisioning;
pub(crate) mod registration;
