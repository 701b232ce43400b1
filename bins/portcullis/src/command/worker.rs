//! `worker`: runs the exclusive jobs until a signal stops it, and serves no requests.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use portcullis_flows::node::job::JobState;
use portcullis_web::Signals;
use serde::Serialize;

use crate::assembly;
use crate::config::{Config, Finding};
use crate::failure::{Failure, no_thread};
use crate::operator::local_origin;
use crate::output::Output;
use crate::{opening, process};

pub(crate) fn run(
    config: Config,
    warnings: &[Finding],
    signals: Signals,
    output: Output,
) -> Result<ExitCode, Failure> {
    process::run(config, warnings, signals, |config, signals, _| work(config, output, signals))
}

fn work(config: Config, output: Output, mut signals: Signals) -> Result<ExitCode, Failure> {
    if !opening::wait_for_database(&config, &mut signals)? {
        return Ok(ExitCode::SUCCESS);
    }
    // Only servers take the data over to a new secret key.
    let open = |config: &Config| opening::opened(config, &local_origin("worker"));
    let Some(foundation) = process::open(config, &mut signals, open)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let jobs = assembly::worker(&foundation);
    let running = jobs.start(Duration::ZERO).map_err(no_thread)?;
    let names = jobs.states().iter().map(|JobState { name, .. }| *name).collect();
    process::announce(output, Running { jobs: names });
    if signals.wait_while(|| running.is_running()).map_err(no_thread)? {
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
