//! Worker threads of the pool, and the state that they share.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::Clock;

use crate::fair_queue::{FairQueue, PushResult, Ticket};
use crate::{Hasher, PoolSettings, Scratch};

/// The work for one thread. Dropping it without running it notifies its caller.
pub(crate) type Job = Box<dyn FnOnce(&Hasher, &mut Scratch) + Send>;

/// The queue and the recent speed of the threads.
pub(crate) struct PoolState {
    hasher: Hasher,
    clock: Arc<dyn Clock>,
    settings: PoolSettings,
    /// The time after which a thread without work releases its memory.
    idle: Duration,
    state: Mutex<State>,
    changed: Condvar,
    outlook: LoadEstimate,
}

struct State {
    queue: FairQueue<IpAddr, QueuedJob>,
    /// The number of running jobs with a higher cost than usual.
    costly: usize,
    closing: bool,
}

/// The data for the response to refused clients. It is outside the lock, because a hashing thread
/// may be suspended while it holds the lock, and request threads must not wait for it.
struct LoadEstimate {
    /// The number of waiting jobs.
    waiting: AtomicUsize,
    /// The mean duration of a job in nanoseconds; recent jobs have more weight.
    mean: AtomicU64,
}

struct QueuedJob {
    job: Job,
    since: Duration,
    is_costly: bool,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

const IDLE: Duration = Duration::from_secs(1);

/// The assumed duration of a job until the first one has finished.
const FIRST_GUESS: Duration = Duration::from_millis(25);

impl PoolState {
    pub(crate) fn new(settings: PoolSettings, hasher: Hasher, clock: Arc<dyn Clock>) -> Self {
        let queue = FairQueue::new(settings.queue.max(1));
        let state = Mutex::new(State { queue, costly: 0, closing: false });
        let outlook =
            LoadEstimate { waiting: AtomicUsize::new(0), mean: AtomicU64::new(nanos(FIRST_GUESS)) };
        Self { hasher, clock, settings, idle: IDLE, state, changed: Condvar::new(), outlook }
    }

    pub(crate) const fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    pub(crate) const fn deadline(&self) -> Duration {
        self.settings.deadline
    }

    pub(crate) const fn max_bcrypt_cost(&self) -> u32 {
        self.settings.max_bcrypt_cost
    }

    pub(crate) fn waiting(&self) -> usize {
        self.outlook.waiting.load(Ordering::Relaxed)
    }

    /// The expected waiting time of a new job, from the jobs before it.
    pub(crate) fn expected_wait(&self) -> Duration {
        let mean = Duration::from_nanos(self.outlook.mean.load(Ordering::Relaxed));
        let ahead = u32::try_from(self.waiting()).unwrap_or(u32::MAX).saturating_add(1);
        let threads = u32::try_from(self.settings.threads.max(1)).unwrap_or(u32::MAX);
        mean.saturating_mul(ahead) / threads
    }

    /// Adds a job to the queue; `None` when there is no room. Removed jobs are dropped after the
    /// lock is released, because dropping a job wakes its caller.
    pub(crate) fn admit(&self, share: IpAddr, job: Job, is_costly: bool) -> Option<Ticket> {
        let since = self.clock.monotonic();
        let admission = self.change(|queue| queue.push(share, QueuedJob { job, since, is_costly }));
        match admission {
            PushResult::Waits(ticket, _displaced) => {
                self.changed.notify_one();
                Some(ticket)
            }
            PushResult::Refused(_) => None,
        }
    }

    /// Removes a job from the queue. Returns false when it has started or is gone.
    pub(crate) fn abandon(&self, ticket: Ticket) -> bool {
        let abandoned = self.change(|queue| queue.remove(ticket));
        abandoned.is_some()
    }

    /// Signals the threads to end.
    pub(crate) fn close(&self) {
        self.state().closing = true;
        self.changed.notify_all();
    }

    /// The main loop of one thread.
    pub(crate) fn work(&self) {
        lower_priority();
        let mut scratch = Scratch::default();
        while let Some(QueuedJob { job, since, is_costly }) = self.next(&mut scratch) {
            let begun = self.clock.monotonic();
            if begun.saturating_sub(since) <= self.settings.deadline {
                job(&self.hasher, &mut scratch);
                self.record(self.clock.monotonic().saturating_sub(begun));
            }
            if is_costly {
                self.state().costly -= 1;
                // Another thread may be waiting for a job of this kind.
                self.changed.notify_one();
            }
        }
    }

    fn next(&self, scratch: &mut Scratch) -> Option<QueuedJob> {
        let mut state = self.state();
        loop {
            let may_be_costly = state.costly < (self.settings.threads / 2).max(1);
            if let Some(waiting) = state.queue.pop(|next| may_be_costly || !next.is_costly) {
                state.costly += usize::from(waiting.is_costly);
                self.outlook.waiting.store(state.queue.len(), Ordering::Relaxed);
                return Some(waiting);
            }
            if state.closing {
                return None;
            }
            state = self.rest(state, scratch);
        }
    }

    /// Waits for a change, and releases the memory after an idle time.
    fn rest<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        scratch: &mut Scratch,
    ) -> MutexGuard<'a, State> {
        if scratch.held_kib() == 0 {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let waited = self.changed.wait_timeout(state, self.idle);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if !timeout.timed_out() || state.queue.len() > 0 {
            return state;
        }
        // Wiping takes milliseconds, during which other threads need the queue.
        drop(state);
        scratch.release();
        self.state()
    }

    fn record(&self, taken: Duration) {
        let renewed = |mean: u64| Some(mean.saturating_mul(7).saturating_add(nanos(taken)) / 8);
        let _ = self.outlook.mean.fetch_update(Ordering::Relaxed, Ordering::Relaxed, renewed);
    }

    fn change<T>(&self, change: impl FnOnce(&mut FairQueue<IpAddr, QueuedJob>) -> T) -> T {
        let mut state = self.state();
        let outcome = change(&mut state.queue);
        self.outlook.waiting.store(state.queue.len(), Ordering::Relaxed);
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives this thread a lower priority than the threads that answer requests. On Linux the nice
/// value belongs to the thread; on other systems it would slow down the whole process.
///
/// A thread of nice value 10 has a tenth of the share of a normal one. With 19 it has a seventieth: beside
/// four busy programs on two cores, sign-ins reached the deadline of the queue.
#[cfg(target_os = "linux")]
fn lower_priority() {
    const POLITE: i32 = 10;
    // Hashing works without the lower priority too.
    let _refused = rustix::process::nice(POLITE).is_err();
}

#[cfg(not(target_os = "linux"))]
const fn lower_priority() {}

#[cfg(test)]
mod tests {
    use portcullis_domain::{SystemClock, SystemRandom};

    use super::*;
    use crate::Argon2Params;

    fn workplace() -> PoolState {
        let hasher = Hasher::new(Argon2Params::default(), &SystemRandom);
        let settings = PoolSettings { threads: 2, ..PoolSettings::default() };
        PoolState::new(settings, hasher, Arc::new(SystemClock::new()))
    }

    #[test]
    fn a_thread_without_work_gives_its_memory_back() {
        let workplace = PoolState { idle: Duration::from_millis(1), ..workplace() };
        let mut scratch = Scratch::default();
        scratch.blocks(64);
        while scratch.held_kib() > 0 {
            drop(workplace.rest(workplace.state(), &mut scratch));
        }
        assert_eq!(scratch.held_kib(), 0);
    }

    #[test]
    fn the_expected_wait_follows_the_queue_and_the_pace() {
        let workplace = workplace();
        let before = workplace.expected_wait();
        for last in 1..=19 {
            let address = IpAddr::from([192, 0, 2, last]);
            assert!(workplace.admit(address, Box::new(|_, _| ()), false).is_some());
        }
        assert_eq!(workplace.expected_wait(), before * 20);
        for _ in 0..100 {
            workplace.record(Duration::from_millis(200));
        }
        let expected = workplace.expected_wait();
        assert!((1_990..=2_000).contains(&expected.as_millis()), "{expected:?}");
    }
}
