#![doc = include_str!("../README.md")]

pub mod access;
pub mod audit;
pub mod effects;
pub mod identity;
pub mod machine;
pub mod node;
pub mod principal;
pub mod sign_in;

/// The reason why storage could not carry out a step. Nothing of the step has happened, unless the
/// error says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is overloaded, or cancelled the statement.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database stopped responding during the commit of the step: all of the step has happened,
    /// or nothing.
    #[error("the database did not confirm the commit: {0}")]
    OutcomeUnknown(String),
    /// A stored value breaks a rule of its type.
    #[error("table {table}, column {column}: stored value is not valid")]
    Corrupt {
        /// The table of the value.
        table: &'static str,
        /// The column that holds it.
        column: &'static str,
    },
}
