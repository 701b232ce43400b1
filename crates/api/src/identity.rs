//! Accounts: registration, the first administrator, passwords, administration.

pub(crate) mod account;
pub(crate) mod account_change;
pub(crate) mod bootstrap;
pub(crate) mod password_change;
pub(crate) mod registration;
