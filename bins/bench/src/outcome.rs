//! How every step of a run ends.

/// What goes wrong here ends the run and is read by a person.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;
