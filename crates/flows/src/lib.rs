#![doc = include_str!("../README.md")]

pub mod account;
pub mod account_change;
pub mod attempt;
pub mod bootstrap;
pub mod candidate;
pub mod checkpoint;
pub mod clock_watch;
pub mod decision;
pub mod device;
pub mod effects;
mod field_error;
pub mod hash_cost;
pub mod health;
pub mod introspection;
pub mod job;
pub mod lockout;
pub mod mass_sign_out;
pub mod matrix;
pub mod new_password;
pub mod password_change;
pub mod permission;
pub mod principal;
pub mod provisioning;
mod question;
pub mod recording;
pub mod refresh;
pub mod registration;
pub mod retention;
pub mod revocation;
mod ruling;
pub mod secret;
pub mod session;
pub mod session_tokens;
pub mod sign_in;
pub mod sign_out;
pub mod signing_key;
pub mod step_up;
pub mod trail;
pub mod unlock;
pub mod verification;

/// Why storage could not carry out a step. Nothing of the step has happened, unless the error says
/// otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is overloaded, or gave up on the statement.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database fell silent while it committed the step: all of the step has happened, or nothing.
    #[error("the database did not confirm the commit: {0}")]
    OutcomeUnknown(String),
    /// A stored value breaks a rule of its type.
    #[error("table {table}, column {column}: stored value is not valid")]
    Corrupt {
        /// Where the value is stored.
        table: &'static str,
        /// The column that holds it.
        column: &'static str,
    },
}
