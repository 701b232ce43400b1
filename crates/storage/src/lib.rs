#![doc = include_str!("../README.md")]

mod account;
mod account_change;
mod block;
mod bootstrap;
mod chain;
mod checkpoint;
mod connection;
mod database;
mod event;
mod failure;
mod family;
mod found;
#[cfg(feature = "testkit")]
mod inspection;
mod introspection;
mod job;
mod matrix;
mod migration;
mod outbox;
mod password_change;
mod prepared;
mod private_file;
mod provisioning;
mod recording;
mod refresh;
mod registration;
mod retention;
mod revocation;
mod schema;
mod secret;
mod session;
mod shared_key;
mod sign_in;
mod sign_out;
mod signing_key;
mod sql_type;
mod store;
mod time;
mod trail;
mod unlock;
mod verification;

pub use connection::{DatabaseUrl, DatabaseUrlError};
pub use database::Database;
pub use migration::MigrationError;
pub use store::Store;
