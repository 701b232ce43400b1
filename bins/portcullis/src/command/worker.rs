//! `worker`: runs the exclusive jobs until a signal stops it, and serves no requests.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::Ambient;
use portcullis_flows::node::job::JobState;
use serde::Serialize;

use crate::assembly::{self, Foundation};
use crate::config::{Config, Finding};
use crate::failure::{Failure, no_thread};
use crate::logging::Logging;
use crate::opening::{self, Opened};
use crate::operator::local_origin;
use crate::output::Output;

pub(crate) fn run(
    config: Config,
    warnings: &[Finding],
    output: Output,
) -> Result<ExitCode, Failure> {
    let logging = Logging::start(&config.log).map_err(no_thread)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if !opening::wait_for_database(&config)? {
        return Ok(ExitCode::SUCCESS);
    }
    // Only servers take the data over to a new secret key.
    let Opened { store, secret, applied } = opening::opened(&config, &local_origin("worker"))?;
    for version in applied {
        tracing::info!(version, "applied a migration");
    }
    let foundation = Foundation { config, store, secret, ambient: Ambient::system() };
    let jobs = assembly::worker(&foundation);
    let running = jobs.start(std::time::Duration::ZERO).map_err(no_thread)?;
    let names = jobs.states().iter().map(|JobState { name, .. }| *name).collect();
    let ready = || {
        if let Err(failure) = output.answer(&Running { jobs: names }) {
            tracing::error!("{failure}");
        }
    };
    let is_told = portcullis_web::until_stopped(ready, || running.is_running());
    drop(running);
    logging.flush();
    if is_told.map_err(no_thread)? {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(Failure::failed("a thread of the jobs ended unexpectedly", "see the log above"))
    }
}

/// The announcement of a started worker, printed once.
#[derive(Serialize)]
struct Running {
    jobs: Vec<&'static str>,
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "running the jobs {}", self.jobs.join(", "))
    }
}
