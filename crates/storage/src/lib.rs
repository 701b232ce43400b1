#![doc = include_str!("../README.md")]

mod access;
mod audit;
mod connection;
mod database;
mod database_url;
mod failure;
mod found;
mod identity;
mod machine;
mod migration;
mod node;
mod prepared;
mod principal;
mod private_file;
mod schema;
mod sign_in;
mod sql_type;
mod store;
mod time;

pub use database::Database;
pub use database_url::{DatabaseUrl, DatabaseUrlError};
pub use identity::email_key::FormerEmailKey;
pub use migration::MigrationError;
pub use node::backup::{Replacement, is_newer};
pub use store::Store;
