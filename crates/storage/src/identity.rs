//! Accounts: how they come to be, what is changed about them, and their passwords.

pub(crate) mod account;
pub(crate) mod account_change;
pub(crate) mod bootstrap;
pub(crate) mod email_key;
pub(crate) mod password_change;
pub(crate) mod provisioning;
pub(crate) mod registration;
