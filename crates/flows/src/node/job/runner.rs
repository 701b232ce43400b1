//! The runner of background jobs: threads, claims, retries, and the state of each job on this node.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use portcullis_domain::{Ambient, Supervised, Timestamp};

use super::{BatchResult, Claim, ClaimResult, Job, JobError, JobRecord, JobStore, Run};
use crate::StoreError;

/// The jobs of this node. None of them runs before [`Jobs::start`].
pub struct Jobs {
    shared: Arc<Shared>,
}

/// Runs the jobs until it is dropped.
#[must_use = "dropping it ends the jobs"]
pub struct RunningJobs {
    shared: Arc<Shared>,
    threads: Vec<Supervised>,
}

/// The state of a job on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobState {
    /// The name of the job.
    pub name: &'static str,
    /// Finished runs on this node, successful or not.
    pub runs: u64,
    /// Failed runs on this node.
    pub failures: u64,
    /// Failed runs on this node since the last successful one.
    pub failures_in_a_row: u64,
    /// Units of work on this node, for example deleted rows.
    pub done: u64,
    /// Seconds since 1970 at the end of the last run here; 0 before the first.
    pub last_run_seconds: i64,
    /// The duration of that run.
    pub duration: Duration,
}

/// A job of this node, for administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobReport {
    /// Its interval.
    pub every: Duration,
    /// True if one node runs it for all nodes.
    pub exclusive: bool,
    /// Its runs on this node.
    pub state: JobState,
    /// The next attempt on this node; `None` while it runs here. The attempt of an exclusive job runs
    /// it only if it is due and no other node runs it.
    pub next_at: Option<Timestamp>,
    /// The runs of an exclusive job on all nodes; `None` before the first.
    pub everywhere: Option<JobRecord>,
}

struct Shared {
    jobs: Vec<Job>,
    store: Arc<dyn JobStore>,
    ambient: Ambient,
    holder: [u8; 16],
    plan: Mutex<Timetable>,
    changed: Condvar,
}

/// The jobs of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// One job of the node. Each has its own thread, so that a job that hangs delays no other.
    Own(usize),
    /// The exclusive jobs, which share a few threads.
    Exclusive,
}

struct Timetable {
    entries: Vec<Entry>,
    closing: bool,
}

struct Entry {
    /// The next attempt, on the monotonic clock.
    next: Duration,
    is_running: bool,
    is_failing: bool,
    state: JobState,
}

impl Jobs {
    /// A runner of these jobs; none runs yet, and all are due at once.
    pub fn new(jobs: Vec<Job>, store: Arc<dyn JobStore>, ambient: Ambient) -> Self {
        let mut holder = [0; 16];
        ambient.random.fill(&mut holder);
        let entry = |job: &Job| Entry {
            next: Duration::ZERO,
            is_running: false,
            is_failing: false,
            state: JobState { name: job.name, ..JobState::default() },
        };
        let entries = jobs.iter().map(entry).collect();
        let plan = Mutex::new(Timetable { entries, closing: false });
        let changed = Condvar::new();
        let shared = Arc::new(Shared { jobs, store, ambient, holder, plan, changed });
        Self { shared }
    }

    /// Starts the jobs in threads of their own, independent of requests: the jobs of the node at
    /// once, the exclusive ones after `delay`.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread.
    pub fn start(&self, delay: Duration) -> io::Result<RunningJobs> {
        let mut running = RunningJobs { shared: Arc::clone(&self.shared), threads: Vec::new() };
        for (place, job) in self.shared.jobs.iter().enumerate().filter(|(_, job)| !job.exclusive) {
            let (shared, name) = (Arc::clone(&self.shared), format!("job-{}", job.name));
            let work = move || shared.work(Lane::Own(place));
            running.threads.push(Supervised::restarting(name, work)?);
        }
        for number in 1..=EXCLUSIVE_THREADS {
            let (shared, name) = (Arc::clone(&self.shared), format!("exclusive-jobs-{number}"));
            running.threads.push(Supervised::restarting(name, move || {
                shared.pause(delay);
                shared.work(Lane::Exclusive);
            })?);
        }
        Ok(running)
    }

    /// Runs the exclusive jobs that are due, one after another, in the calling thread. Returns
    /// whether all of them succeeded.
    pub fn run_due(&self) -> bool {
        let exclusive = self.shared.jobs.iter().enumerate().filter(|(_, job)| job.exclusive);
        // Each is run, whether or not an earlier one has failed.
        exclusive.fold(true, |is_sound, (place, job)| match self.shared.claim(job) {
            Ok(ClaimResult::Yes) => self.shared.run(place, job) && is_sound,
            Ok(ClaimResult::NotBefore(_)) => is_sound,
            Err(error) => {
                self.shared.note(place, Duration::ZERO, BatchResult::default(), Some(&error));
                false
            }
        })
    }

    /// Each job of this node, with its runs here and, of an exclusive one, on all nodes.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn reports(&self) -> Result<Vec<JobReport>, StoreError> {
        let records = self.shared.store.jobs()?;
        let clock = &self.shared.ambient.clock;
        let (now, monotonic) = (clock.now(), clock.monotonic());
        let plan = self.shared.plan();
        let report = |(job, entry): (&Job, &Entry)| {
            let next = now + entry.next.saturating_sub(monotonic);
            let of_job = |record: &&JobRecord| job.exclusive && record.name == job.name;
            JobReport {
                every: job.every,
                exclusive: job.exclusive,
                state: entry.state.clone(),
                next_at: (!entry.is_running).then_some(next),
                everywhere: records.iter().find(of_job).cloned(),
            }
        };
        Ok(self.shared.jobs.iter().zip(&plan.entries).map(report).collect())
    }

    /// The state of each job on this node.
    pub fn states(&self) -> Vec<JobState> {
        self.shared.plan().entries.iter().map(|entry| entry.state.clone()).collect()
    }
}

impl RunningJobs {
    /// True if all started threads run.
    pub fn is_running(&self) -> bool {
        self.threads.iter().all(Supervised::is_running)
    }
}

/// Begins no further portion, and waits for the current ones: as long as the database takes for a
/// transaction, and at most two seconds.
impl Drop for RunningJobs {
    fn drop(&mut self) {
        self.shared.plan().closing = true;
        self.shared.changed.notify_all();
        let clock = &self.shared.ambient.clock;
        let until = clock.monotonic() + CLOSE_TIMEOUT;
        for thread in self.threads.drain(..) {
            thread.join(until.saturating_sub(clock.monotonic()));
        }
    }
}

/// The maximum wait for the threads at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.shared.jobs).finish()
    }
}

impl Shared {
    fn work(&self, lane: Lane) {
        while let Some(turn) = self.next_turn(lane) {
            let next = self.take(turn.place);
            turn.end(next);
        }
    }

    /// Waits for this long, or until the runner is stopped.
    fn pause(&self, delay: Duration) {
        let closing = |plan: &mut Timetable| !plan.closing;
        let waited = self.changed.wait_timeout_while(self.plan(), delay, closing);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the job of this kind that has been due for the longest; `None` when the runner is
    /// stopped.
    fn next_turn(&self, lane: Lane) -> Option<RunGuard<'_>> {
        let mut plan = self.plan();
        loop {
            if plan.closing {
                return None;
            }
            let now = self.ambient.clock.monotonic();
            let entries = plan.entries.iter_mut().enumerate().zip(&self.jobs);
            let mine = entries.filter(|((place, entry), job)| {
                let is_mine = match lane {
                    Lane::Own(own) => own == *place,
                    Lane::Exclusive => job.exclusive,
                };
                is_mine && !entry.is_running
            });
            let next = mine.map(|(entry, _)| entry).min_by_key(|(_, entry)| entry.next);
            let pause = match next {
                Some((place, entry)) if entry.next <= now => {
                    entry.is_running = true;
                    return Some(RunGuard { shared: self, place, begun: now });
                }
                Some((_, entry)) => entry.next.saturating_sub(now).min(MAX_PAUSE),
                None => MAX_PAUSE,
            };
            let waited = self.changed.wait_timeout(plan, pause);
            plan = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Claims the job and runs it; returns the delay of the next attempt.
    fn take(&self, place: usize) -> Duration {
        let Some(job) = self.jobs.get(place) else { return MAX_PAUSE };
        match self.claim(job) {
            Ok(ClaimResult::NotBefore(wait)) => {
                wait.min(job.every).max(MIN_PAUSE) + self.jitter(job)
            }
            Err(error) => {
                self.note(place, Duration::ZERO, BatchResult::default(), Some(&error));
                RETRY.min(job.every)
            }
            Ok(ClaimResult::Yes) => {
                if self.run(place, job) {
                    job.every + self.jitter(job)
                } else {
                    RETRY.min(job.every)
                }
            }
        }
    }

    /// Runs portion after portion; returns whether all succeeded.
    fn run(&self, place: usize, job: &Job) -> bool {
        let begun = self.ambient.clock.monotonic();
        let mut done = 0;
        let failure = loop {
            match (job.run)() {
                Ok(portion) => {
                    done += portion.done;
                    if !portion.more || self.plan().closing {
                        break None;
                    }
                }
                Err(error) => break Some(error),
            }
            // Another node may hold it by now, if this one was paused.
            match self.claim(job) {
                Ok(ClaimResult::Yes) => {}
                Ok(ClaimResult::NotBefore(_)) => break None,
                Err(error) => break Some(error),
            }
        };
        let duration = self.ambient.clock.monotonic().saturating_sub(begun);
        let text = failure.as_ref().map(|error| cut(&error.to_string()));
        if job.exclusive {
            let run = Run {
                job: job.name,
                holder: &self.holder,
                duration,
                done,
                failure: text.as_deref(),
                retry: RETRY.min(job.every),
            };
            if let Err(error) = self.store.finish_job(&run) {
                tracing::warn!(%error, job = job.name, "the end of a job is not recorded");
            }
        }
        self.note(place, duration, BatchResult { done, more: false }, failure.as_ref());
        failure.is_none()
    }

    fn claim(&self, job: &Job) -> Result<ClaimResult, JobError> {
        if !job.exclusive {
            return Ok(ClaimResult::Yes);
        }
        let Job { name, every, .. } = *job;
        Ok(self.store.claim_job(&Claim {
            job: name,
            holder: &self.holder,
            every,
            hold: CLAIM_DURATION,
        })?)
    }

    /// Logs once that a job fails, and once that it works again.
    fn note(
        &self,
        place: usize,
        duration: Duration,
        portion: BatchResult,
        error: Option<&JobError>,
    ) {
        let now = self.ambient.now().as_seconds();
        let mut plan = self.plan();
        let Some(Entry { state, is_failing, .. }) = plan.entries.get_mut(place) else { return };
        state.runs += 1;
        state.failures += u64::from(error.is_some());
        state.failures_in_a_row = if error.is_some() { state.failures_in_a_row + 1 } else { 0 };
        state.done += portion.done;
        state.last_run_seconds = now;
        state.duration = duration;
        match (error, *is_failing) {
            (Some(error), false) => tracing::error!(%error, job = state.name, "a job fails"),
            (None, true) => tracing::info!(job = state.name, "a job works again"),
            _ => {}
        }
        *is_failing = error.is_some();
    }

    /// A random delay of up to a tenth of the interval, and at most ten seconds: so each of several
    /// nodes is the first now and then.
    fn jitter(&self, job: &Job) -> Duration {
        let mut draw = [0];
        self.ambient.random.fill(&mut draw);
        let [draw] = draw;
        (job.every / 10).min(MAX_JITTER) / 256 * u32::from(draw)
    }

    fn plan(&self) -> MutexGuard<'_, Timetable> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running job; dropping this, also by a panic, allows the next run.
struct RunGuard<'a> {
    shared: &'a Shared,
    place: usize,
    /// The start of the interval to the next run, as in the database.
    begun: Duration,
}

impl RunGuard<'_> {
    fn end(self, next: Duration) {
        self.plan_next(next);
    }

    fn plan_next(&self, pause: Duration) {
        if let Some(entry) = self.shared.plan().entries.get_mut(self.place) {
            entry.next = self.begun + pause;
        }
    }
}

impl Drop for RunGuard<'_> {
    fn drop(&mut self) {
        let every = self.shared.jobs.get(self.place).map_or(RETRY, |job| job.every);
        if let Some(entry) = self.shared.plan().entries.get_mut(self.place) {
            entry.is_running = false;
            if thread::panicking() {
                entry.next = self.begun + RETRY.min(every);
                entry.state.runs += 1;
                entry.state.failures += 1;
                entry.state.failures_in_a_row += 1;
                let Ambient { clock, .. } = &self.shared.ambient;
                entry.state.last_run_seconds = clock.now().as_seconds();
                entry.state.duration = clock.monotonic().saturating_sub(self.begun);
            }
        }
        self.shared.changed.notify_all();
    }
}

/// Shortens the text of an error to the maximum that is stored.
fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// Exclusive jobs that run at the same time on one node. Two, so that a job that takes hours does not
/// delay the others.
const EXCLUSIVE_THREADS: usize = 2;

/// The duration of a claim. Each portion renews it, and takes a few seconds at most.
const CLAIM_DURATION: Duration = Duration::from_secs(60);

/// The delay after a failure, unless the job is due sooner.
const RETRY: Duration = Duration::from_secs(60);

/// The minimum time between two attempts to claim a job.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// The maximum sleep of a thread, for a clock that is moved in tests.
const MAX_PAUSE: Duration = Duration::from_secs(1);

const MAX_JITTER: Duration = Duration::from_secs(10);
