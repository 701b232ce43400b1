//! Accounts: registration, the first administrator, passwords, administration.

pub(crate) mod account;
pub(crate) mod password_change;
pub(crate) mod registration;
pub(crate) mod setup;
pub(crate) mod user;
