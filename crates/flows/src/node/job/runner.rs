use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use portcullis_domain::{Ambient, Supervised};

use super::{Claim, Claimed, Job, JobError, JobStore, Portion, Run};

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

/// How a job fares on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobState {
    /// Which.
    pub name: &'static str,
    /// Runs that have ended here, well or not.
    pub runs: u64,
    /// Runs that have failed here.
    pub failures: u64,
    /// What was done here: rows removed, for one.
    pub done: u64,
    /// Seconds since 1970 at the end of the last run here; 0 before the first.
    pub last_run_seconds: i64,
    /// How long that took.
    pub duration: Duration,
}

struct Shared {
    jobs: Vec<Job>,
    store: Arc<dyn JobStore>,
    ambient: Ambient,
    holder: [u8; 16],
    plan: Mutex<Plan>,
    changed: Condvar,
}

struct Plan {
    entries: Vec<Entry>,
    closing: bool,
}

struct Entry {
    /// When to try next, by the clock that never runs backwards.
    next: Duration,
    is_running: bool,
    is_failing: bool,
    state: JobState,
}

impl Jobs {
    /// These jobs, of which none runs yet. All are due at once.
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
        let plan = Mutex::new(Plan { entries, closing: false });
        let changed = Condvar::new();
        let shared = Arc::new(Shared { jobs, store, ambient, holder, plan, changed });
        Self { shared }
    }

    /// Begins to run them, in threads that no flood of requests can take: the jobs of the node at once,
    /// the exclusive ones after `delay`.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn start(&self, delay: Duration) -> io::Result<RunningJobs> {
        let mut running = RunningJobs { shared: Arc::clone(&self.shared), threads: Vec::new() };
        for number in 1..=THREADS {
            for (kind, exclusive) in [("node", false), ("exclusive", true)] {
                let (shared, name) = (Arc::clone(&self.shared), format!("{kind}-jobs-{number}"));
                running.threads.push(Supervised::restarting(name, move || {
                    if exclusive {
                        shared.pause(delay);
                    }
                    shared.work(exclusive);
                })?);
            }
        }
        Ok(running)
    }

    /// How each of them fares on this node.
    pub fn states(&self) -> Vec<JobState> {
        self.shared.plan().entries.iter().map(|entry| entry.state.clone()).collect()
    }
}

impl RunningJobs {
    /// Whether all threads are there that were started.
    pub fn is_running(&self) -> bool {
        self.threads.iter().all(Supervised::is_running)
    }
}

/// Begins no further portion, and waits for those under way: as long as the database takes over a
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

/// The longest that the end of the jobs waits for their threads.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.shared.jobs).finish()
    }
}

impl Shared {
    fn work(&self, exclusive: bool) {
        while let Some(turn) = self.next_turn(exclusive) {
            let next = self.take(turn.place);
            turn.end(next);
        }
    }

    /// Waits for so long, or until no more are to be run.
    fn pause(&self, delay: Duration) {
        let closing = |plan: &mut Plan| !plan.closing;
        let waited = self.changed.wait_timeout_while(self.plan(), delay, closing);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the job of this kind that has been due for the longest; `None` when no more are to be
    /// run.
    fn next_turn(&self, exclusive: bool) -> Option<Turn<'_>> {
        let mut plan = self.plan();
        loop {
            if plan.closing {
                return None;
            }
            let now = self.ambient.clock.monotonic();
            let entries = plan.entries.iter_mut().enumerate().zip(&self.jobs);
            let mine =
                entries.filter(|((_, entry), job)| job.exclusive == exclusive && !entry.is_running);
            let next = mine.map(|(entry, _)| entry).min_by_key(|(_, entry)| entry.next);
            let pause = match next {
                Some((place, entry)) if entry.next <= now => {
                    entry.is_running = true;
                    return Some(Turn { shared: self, place, begun: now });
                }
                Some((_, entry)) => entry.next.saturating_sub(now).min(MAX_PAUSE),
                None => MAX_PAUSE,
            };
            let waited = self.changed.wait_timeout(plan, pause);
            plan = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Claims the job and runs it; answers in how long to try again.
    fn take(&self, place: usize) -> Duration {
        let Some(job) = self.jobs.get(place) else { return MAX_PAUSE };
        match self.claim(job) {
            Ok(Claimed::NotBefore(wait)) => wait.min(job.every).max(MIN_PAUSE) + self.jitter(job),
            Err(error) => {
                self.note(place, Duration::ZERO, Portion::default(), Some(&error));
                RETRY.min(job.every)
            }
            Ok(Claimed::Yes) => {
                if self.run(place, job) {
                    job.every + self.jitter(job)
                } else {
                    RETRY.min(job.every)
                }
            }
        }
    }

    /// Runs portion after portion; answers whether all went well.
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
            // Another node may have it by now, if this one was paused.
            match self.claim(job) {
                Ok(Claimed::Yes) => {}
                Ok(Claimed::NotBefore(_)) => break None,
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
        self.note(place, duration, Portion { done, more: false }, failure.as_ref());
        failure.is_none()
    }

    fn claim(&self, job: &Job) -> Result<Claimed, JobError> {
        if !job.exclusive {
            return Ok(Claimed::Yes);
        }
        let Job { name, every, .. } = *job;
        Ok(self.store.claim_job(&Claim {
            job: name,
            holder: &self.holder,
            every,
            hold: CLAIM_DURATION,
        })?)
    }

    /// Says once that a job fails, and once that it works again.
    fn note(&self, place: usize, duration: Duration, portion: Portion, error: Option<&JobError>) {
        let now = self.ambient.now().as_seconds();
        let mut plan = self.plan();
        let Some(Entry { state, is_failing, .. }) = plan.entries.get_mut(place) else { return };
        state.runs += 1;
        state.failures += u64::from(error.is_some());
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

    /// Up to a tenth of the time between two runs, and at most ten seconds: so each node of several is
    /// the first now and then.
    fn jitter(&self, job: &Job) -> Duration {
        let mut draw = [0];
        self.ambient.random.fill(&mut draw);
        let [draw] = draw;
        (job.every / 10).min(MAX_JITTER) / 256 * u32::from(draw)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that is being run; it can be again when this is dropped, by a panic too.
struct Turn<'a> {
    shared: &'a Shared,
    place: usize,
    /// The next run counts from here, as it does in the database.
    begun: Duration,
}

impl Turn<'_> {
    fn end(self, next: Duration) {
        self.plan_next(next);
    }

    fn plan_next(&self, pause: Duration) {
        if let Some(entry) = self.shared.plan().entries.get_mut(self.place) {
            entry.next = self.begun + pause;
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.plan_next(RETRY);
        }
        if let Some(entry) = self.shared.plan().entries.get_mut(self.place) {
            entry.is_running = false;
        }
        self.shared.changed.notify_all();
    }
}

/// At most so much of an error is stored.
fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// Jobs of one kind that run at the same time on one node. Two, so that a slow one does not hold up
/// the others.
const THREADS: usize = 2;

/// How long a claim holds. Each portion renews it, and takes a few seconds at most.
const CLAIM_DURATION: Duration = Duration::from_secs(60);

/// What has failed is tried again after this, or when it would be due, if that is sooner.
const RETRY: Duration = Duration::from_secs(60);

/// Between two attempts to claim a job.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// The longest sleep of a thread, for a clock that is moved in tests.
const MAX_PAUSE: Duration = Duration::from_secs(1);

const MAX_JITTER: Duration = Duration::from_secs(10);
