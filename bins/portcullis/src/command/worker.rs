//! `worker`: runs the exclusive jobs once or until a signal stops it, and serves no requests.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use portcullis_flows::node::job::JobState;
use portcullis_web::{Phase, Signals};
use serde::Serialize;

use crate::assembly;
use crate::config::{Config, Finding};
use crate::failure::{Failure, no_thread};
use crate::last_write::write_last;
use crate::operator::local_origin;
use crate::output::Output;
use crate::service_manager::ServiceManager;
use crate::{opening, process};

/// The end of the worker.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Run the jobs that are due, and end
    #[arg(long)]
    once: bool,
}

pub(crate) fn run(
    config: Config,
    arguments: &Arguments,
    warnings: &[Finding],
    signals: Signals,
    output: Output,
) -> Result<ExitCode, Failure> {
    let once = arguments.once;
    process::run(config, warnings, signals, |config, signals, _| {
        work(config, once, output, signals)
    })
}

fn work(
    config: Config,
    once: bool,
    output: Output,
    mut signals: Signals,
) -> Result<ExitCode, Failure> {
    let manager = ServiceManager::connect().map_err(no_thread)?;
    manager.show("opening the database");
    if !opening::wait_for_database(&config, &mut signals)? {
        return Ok(ExitCode::SUCCESS);
    }
    // Only servers take the data over to a new secret key.
    let open = |config: &Config| opening::opened(config, &local_origin("worker"));
    let Some(foundation) = process::open(config, &mut signals, open)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let jobs = assembly::worker(&foundation);
    if once {
        let is_sound = jobs.run_due();
        output.answer(&Ran { jobs: jobs.states().iter().map(RanJob::from).collect() })?;
        return if is_sound {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(Failure::failed("a job failed", "see the log above"))
        };
    }
    let running = jobs.start(Duration::ZERO).map_err(no_thread)?;
    let names = jobs.states().iter().map(|JobState { name, .. }| *name).collect();
    process::announce(output, Running { jobs: names });
    manager.show("running the jobs");
    manager.report(Phase::Ready);
    if signals.wait_while(|| running.is_running()).map_err(no_thread)? {
        manager.report(Phase::Stopping);
        drop(running);
        let store = foundation.store;
        write_last("database", "the write-ahead log into the database", move || {
            store.empty_write_ahead_log()
        })?;
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

/// The jobs of `--once`.
#[derive(Serialize)]
struct Ran {
    jobs: Vec<RanJob>,
}

#[derive(Serialize)]
struct RanJob {
    name: &'static str,
    /// False if another process has run it lately.
    was_due: bool,
    done: u64,
}

impl From<&JobState> for RanJob {
    fn from(state: &JobState) -> Self {
        Self { name: state.name, was_due: state.runs > 0, done: state.done }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ran: Vec<_> = self.jobs.iter().filter(|job| job.was_due).map(|job| job.name).collect();
        match ran[..] {
            [] => f.write_str("no job was due"),
            _ => write!(f, "ran the jobs {}", ran.join(", ")),
        }
    }
}
