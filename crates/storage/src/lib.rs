#![doc = include_str!("../README.md")]

mod account;
mod bootstrap;
mod connection;
mod event;
mod failure;
#[cfg(feature = "testkit")]
mod inspection;
mod migration;
mod password_change;
mod prepared;
mod provisioning;
mod refresh;
mod registration;
mod schema;
mod sign_in;
mod sign_out;
mod sql_type;
mod store;
mod unlock;

pub use connection::{DatabaseUrl, DatabaseUrlError};
pub use store::Store;
