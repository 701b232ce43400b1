//! Log lines, to standard error. The level comes from the configuration, so that one place says it.

mod lines;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use std::{io, panic, thread};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::lines::Lines;
use crate::config::Log;
use crate::config::raw::{LogFormat, LogLevel};

/// The log of this process. Dropping it writes what waits, as far as it can be written at once.
pub(crate) struct Logging {
    lines: Lines,
}

/// The longest the end of the process waits for somebody to read the log.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

impl Logging {
    /// Starts logging, panics included.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub(crate) fn start(log: &Log) -> io::Result<Self> {
        let lines = Lines::start(io::stderr())?;
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(lines.clone())
            // It would print its own failures, and printing panics where it fails.
            .log_internal_errors(false)
            .with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(targets(log.level));
        // A second call changes nothing.
        let _ = match log.format {
            LogFormat::Text => subscriber.with(layer).try_init(),
            LogFormat::Json => subscriber.with(layer.json().flatten_event(true)).try_init(),
        };
        // The hook of the standard library writes to standard error itself, and waits for a reader.
        panic::set_hook(Box::new(|panic| {
            let thread = thread::current();
            let thread = thread.name().unwrap_or("without a name");
            tracing::error!(thread, "{panic}");
        }));
        Ok(Self { lines })
    }

    /// How many lines could not be written.
    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        self.lines.lost()
    }

    /// Writes what waits. Answers whether all of it is written.
    pub(crate) fn flush(&self) -> bool {
        self.lines.flush(FLUSH_TIMEOUT)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.flush();
    }
}

/// What anybody can send that is no request is an error to the parser, and none to the operator.
fn targets(level: LogLevel) -> Targets {
    let level = filter(level);
    let parser = if level >= LevelFilter::DEBUG { level } else { LevelFilter::OFF };
    Targets::new().with_default(level).with_target("actix_http", parser)
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
