//! Logging to standard error. The level comes from the configuration only.

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

/// The log of this process. Dropping it writes the queued lines that can be written at once.
pub(crate) struct Logging {
    lines: Lines,
}

/// The timeout of the last flush, at the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

impl Logging {
    /// Starts logging, panics included.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a thread.
    pub(crate) fn start(log: &Log) -> io::Result<Self> {
        let lines = Lines::start(io::stderr())?;
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(lines.clone())
            // The layer would print its own errors, and a failed print panics.
            .log_internal_errors(false)
            .with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(targets(log.level));
        // A second call changes nothing.
        let _ = match log.format {
            LogFormat::Text => subscriber.with(layer).try_init(),
            LogFormat::Json => subscriber.with(layer.json().flatten_event(true)).try_init(),
        };
        // The hook of the standard library writes to standard error directly, and may block.
        panic::set_hook(Box::new(|panic| {
            let thread = thread::current();
            let thread = thread.name().unwrap_or("without a name");
            tracing::error!(thread, "{panic}");
        }));
        Ok(Self { lines })
    }

    /// The number of lost lines.
    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        self.lines.lost()
    }

    /// Writes the queued lines. Returns true if all of them are written.
    pub(crate) fn flush(&self) -> bool {
        self.lines.flush(FLUSH_TIMEOUT)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Hides parser errors of malformed requests, which any client can cause, and the messages of the framework about its
/// start and stop, which repeat those of the server.
fn targets(level: LogLevel) -> Targets {
    let level = filter(level);
    let (parser, threads) = if level >= LevelFilter::DEBUG {
        (level, level)
    } else {
        (LevelFilter::OFF, level.min(LevelFilter::WARN))
    };
    Targets::new()
        .with_default(level)
        .with_target("actix_http", parser)
        .with_target("actix_server", threads)
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
