//! Log lines, to standard error. The level comes from the configuration, so that one place says it.

use tracing::level_filters::LevelFilter;

use crate::config::Log;
use crate::config::raw::{LogFormat, LogLevel};

/// Starts logging; a second call changes nothing.
pub(crate) fn start(log: &Log) {
    let lines = tracing_subscriber::fmt()
        .with_max_level(filter(log.level))
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let started = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    drop(started);
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
