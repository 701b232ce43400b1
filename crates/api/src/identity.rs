//! Routes of accounts: registration, first administrator, password change, administration.

pub(crate) mod account;
pub(crate) mod account_change;
pub(crate) mod bootstrap;
pub(crate) mod password_change;
pub(crate) mod registration;
