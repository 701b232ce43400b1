//! The result type of every step of a run.

/// A result whose error ends the run and is printed.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;
