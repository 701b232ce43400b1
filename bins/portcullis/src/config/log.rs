//! The section `log`: level and format.

use super::raw::{self, LogFormat, LogLevel};

/// The checked section.
#[derive(Debug)]
pub struct Log {
    /// The format of a line.
    pub(crate) format: LogFormat,
    /// The least severe level that is written.
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
