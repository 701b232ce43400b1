//! Long-running process: its log, its signals, the opening of its database, and its announcement.

use std::fmt::Display;
use std::process::ExitCode;

use portcullis_domain::{Ambient, Supervised};
use portcullis_web::Signals;
use serde::Serialize;

use crate::assembly::Foundation;
use crate::config::{Config, Finding};
use crate::failure::{Failure, no_thread};
use crate::logging::Logging;
use crate::opening::OpenedDatabase;
use crate::output::Output;

/// Handles the signals from now on. A process does this before everything that takes time, its
/// configuration included: SIGHUP must not end it, and a signal to stop ends it in order.
pub(crate) fn signals() -> Result<Signals, Failure> {
    Signals::new().map_err(no_thread)
}

/// Runs the work of a process with its log and its signals.
pub(crate) fn run(
    config: Config,
    warnings: &[Finding],
    signals: Signals,
    work: impl FnOnce(Config, Signals, &Logging) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let logging = Logging::start(&config.log).map_err(no_thread)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    match work(config, signals, &logging) {
        // Standard error is blocked, so printing to it would block the process too.
        Err(failure) if !logging.flush() => Ok(failure.exit_code()),
        outcome => outcome,
    }
}

/// Opens the database of the process. Returns `None` if a signal comes first.
pub(crate) fn open(
    config: Config,
    signals: &mut Signals,
    open: fn(&Config) -> Result<OpenedDatabase, Failure>,
) -> Result<Option<Foundation>, Failure> {
    let opened = signals.unless_stopped(move || open(&config).map(|opened| (config, opened)));
    let Some(opened) = opened.map_err(no_thread)? else {
        tracing::info!("stopped by a signal");
        return Ok(None);
    };
    let (config, OpenedDatabase { store, secret, applied }) = opened?;
    if let [.., latest] = &applied[..] {
        tracing::info!(migrations = applied.len(), latest, "migrated the database");
    }
    Ok(Some(Foundation { config, store, secret, ambient: Ambient::system() }))
}

/// Prints the announcement of a process that goes on: on a separate thread, because standard output
/// may block.
pub(crate) fn announce(output: Output, announcement: impl Display + Serialize + Send + 'static) {
    let print = move || {
        if let Err(failure) = output.answer(&announcement) {
            tracing::error!("{failure}");
        }
    };
    if let Err(error) = Supervised::once("announcement", print) {
        tracing::error!(%error, "no thread for the announcement");
    }
}
