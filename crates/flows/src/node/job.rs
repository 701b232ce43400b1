//! Background jobs: the type `Job`, its port, and the runner. The list of jobs is
//! `bins/portcullis/src/jobs.rs`.
//!
//! Each job has an interval. Each node runs the jobs about its own memory and connections. An
//! exclusive job runs on one node at a time: the first node that claims it holds it as long as it
//! renews the claim; the nodes claim at slightly different moments, so each gets a share. Each job of
//! the node has its own thread, and the exclusive jobs share two: a job that hangs delays no job of
//! the node. The database
//! decides by its own clock when an exclusive job is due, so neither a restart nor another node
//! repeats or skips it. A due date that is further ahead than the interval comes from a wrong clock
//! and is ignored.
//!
//! A claim saves work and is no lock: a node that was paused for longer than its claim continues
//! its run. So each job must tolerate two concurrent runs. It works in portions, each one bounded
//! transaction, and may be interrupted between any two.

mod runner;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use portcullis_domain::Timestamp;

pub use self::runner::{JobReport, JobState, Jobs, RunningJobs};
use crate::StoreError;

/// The port of jobs.
pub trait JobStore: Send + Sync {
    /// Claims an exclusive job until `hold` from now, if it is due and no other runner holds it, or
    /// if this runner holds it already. A claimed job is due again `every` later.
    fn claim_job(&self, claim: &Claim<'_>) -> Result<ClaimResult, StoreError>;

    /// Records the result of a run and releases the job, due again after `retry` if it failed. Does
    /// nothing if another runner holds it by now.
    fn finish_job(&self, run: &Run<'_>) -> Result<(), StoreError>;

    /// Every exclusive job that was ever claimed, by name.
    fn jobs(&self) -> Result<Vec<JobRecord>, StoreError>;
}

/// A periodic task.
pub struct Job {
    /// Its stable name in documents, tables and metrics.
    pub name: &'static str,
    /// Its interval.
    pub every: Duration,
    /// True if one node runs it for all nodes.
    pub exclusive: bool,
    /// Runs one portion.
    pub run: Box<dyn Fn() -> Result<BatchResult, JobError> + Send + Sync>,
}

/// The error of a portion; it is logged, and stored with the job.
pub type JobError = Box<dyn Error + Send + Sync>;

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, every, .. } = self;
        f.debug_struct("Job").field("name", name).field("every", every).finish_non_exhaustive()
    }
}

/// The result of one portion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchResult {
    /// Deleted rows, or other units of work.
    pub done: u64,
    /// True if another portion must follow at once.
    pub more: bool,
}

impl BatchResult {
    /// The result of a deletion: if any rows were deleted, there may be more.
    pub const fn removed(rows: u64) -> Self {
        Self { done: rows, more: rows > 0 }
    }
}

/// A request to run a job.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The name of the job.
    pub job: &'a str,
    /// The id of the runner; random, new at each start.
    pub holder: &'a [u8; 16],
    /// The interval of the job.
    pub every: Duration,
    /// The duration of the claim.
    pub hold: Duration,
}

/// The result of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimResult {
    /// The claim succeeded; run the job now.
    Yes,
    /// The job is not due, or is held by another runner, for this long.
    NotBefore(Duration),
}

/// A finished run.
#[derive(Debug)]
pub struct Run<'a> {
    /// The name of the job.
    pub job: &'a str,
    /// The id of the runner.
    pub holder: &'a [u8; 16],
    /// Its duration on the monotonic clock.
    pub duration: Duration,
    /// The units of work of all its portions.
    pub done: u64,
    /// The error, if it failed.
    pub failure: Option<&'a str>,
    /// The delay of the next run after a failure.
    pub retry: Duration,
}

/// The stored state of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// The name of the job.
    pub name: String,
    /// The interval of the job.
    pub every: Duration,
    /// The time from which any node may run it next.
    pub due_at: Timestamp,
    /// The start of the last run.
    pub started_at: Timestamp,
    /// The end of the last successful run.
    pub succeeded_at: Option<Timestamp>,
    /// The end of the last failed run.
    pub failed_at: Option<Timestamp>,
    /// The error of the last failed run.
    pub failure: Option<String>,
    /// The duration of the last finished run.
    pub duration: Duration,
    /// The database's time when this was read.
    pub read_at: Timestamp,
}

impl JobRecord {
    /// True if the last finished run failed.
    pub fn is_failing(&self) -> bool {
        self.failed_at.is_some() && self.failed_at >= self.succeeded_at
    }
}
