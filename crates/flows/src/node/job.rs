//! Work that no request asks for: a list of jobs, and the one runner that does them.
//!
//! A job is due so often. Each node runs the jobs about its own memory and connections. An exclusive
//! job runs on one node at a time: the node that claims it first has it, for as long as it goes on
//! claiming; nodes come at slightly different moments, so that each gets its share. The two kinds have
//! threads of their own, so that an exclusive job that takes hours delays no job of the node. When a job is due says the database, by its own clock, so that neither a restart
//! nor another node repeats or forgets it. A date in the database that lies further ahead than the job
//! can be due comes from a clock that was wrong, and counts for nothing.
//!
//! A claim saves work and is no lock: a node that was paused for longer than its claim holds goes on
//! with what it does. So each job must bear to be done twice at the same time. It works in portions,
//! each of them one bounded transaction, and may be cut off between any two.

mod runner;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use portcullis_domain::Timestamp;

pub use self::runner::{JobState, Jobs, RunningJobs};
use crate::StoreError;

/// What jobs need from storage.
pub trait JobStore: Send + Sync {
    /// Claims an exclusive job until `hold` from now, if it is due and nobody else holds it, or if
    /// this runner holds it already. One that is claimed is due again `every` later.
    fn claim_job(&self, claim: &Claim<'_>) -> Result<Claimed, StoreError>;

    /// Records how a run ended and gives the job back, due again after `retry` if it failed. Does
    /// nothing when another runner holds it by now.
    fn finish_job(&self, run: &Run<'_>) -> Result<(), StoreError>;

    /// Every exclusive job that was ever claimed, by name.
    fn jobs(&self) -> Result<Vec<JobRecord>, StoreError>;
}

/// Work that is done again and again.
pub struct Job {
    /// A stable word for it, as documented, stored and measured.
    pub name: &'static str,
    /// How often it is due.
    pub every: Duration,
    /// Whether one node does it for all of them.
    pub exclusive: bool,
    /// Does one portion.
    pub run: Box<dyn Fn() -> Result<Portion, JobError> + Send + Sync>,
}

/// Why a portion of a job failed; it is logged, and stored with the job.
pub type JobError = Box<dyn Error + Send + Sync>;

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, every, .. } = self;
        f.debug_struct("Job").field("name", name).field("every", every).finish_non_exhaustive()
    }
}

/// What one portion of a job has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Portion {
    /// Rows that were removed, or other things done.
    pub done: u64,
    /// Whether another portion is to follow at once.
    pub more: bool,
}

impl Portion {
    /// What a removal of so many rows has done: where there were some, there may be more.
    pub const fn removed(rows: u64) -> Self {
        Self { done: rows, more: rows > 0 }
    }
}

/// A wish to run a job.
#[derive(Debug)]
pub struct Claim<'a> {
    /// Which.
    pub job: &'a str,
    /// Who wants to; drawn at random at each start.
    pub holder: &'a [u8; 16],
    /// How often it is due.
    pub every: Duration,
    /// How long the claim holds.
    pub hold: Duration,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The job is to be run now.
    Yes,
    /// It is not due for so long, or held for so long by another runner.
    NotBefore(Duration),
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run<'a> {
    /// Of which job.
    pub job: &'a str,
    /// Who ran it.
    pub holder: &'a [u8; 16],
    /// How long it took, by the clock that never runs backwards.
    pub duration: Duration,
    /// What it has done, in all its portions.
    pub done: u64,
    /// Why it failed, if it did.
    pub failure: Option<&'a str>,
    /// When it is due again then.
    pub retry: Duration,
}

/// What the database knows of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// Which.
    pub name: String,
    /// How often it is due.
    pub every: Duration,
    /// When it began last.
    pub started_at: Timestamp,
    /// When it last ended well.
    pub succeeded_at: Option<Timestamp>,
    /// When it last failed.
    pub failed_at: Option<Timestamp>,
    /// Why it last failed.
    pub failure: Option<String>,
    /// How long the last run that ended took.
    pub duration: Duration,
    /// The database's time when this was read.
    pub read_at: Timestamp,
}

impl JobRecord {
    /// Whether the last run that ended has failed.
    pub fn is_failing(&self) -> bool {
        self.failed_at.is_some() && self.failed_at >= self.succeeded_at
    }
}
