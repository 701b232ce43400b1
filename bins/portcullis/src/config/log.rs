//! What is logged, and how.

use super::raw::{self, LogFormat, LogLevel};

/// The checked section.
#[derive(Debug)]
pub struct Log {
    /// How a line is written.
    pub(crate) format: LogFormat,
    /// The least urgent lines that are written.
    pub(crate) level: LogLevel,
}

impl From<raw::Log> for Log {
    fn from(raw: raw::Log) -> Self {
        Self {
            format: raw.format.unwrap_or(LogFormat::Text),
            level: raw.level.unwrap_or(LogLevel::Info),
        }
    }
}
