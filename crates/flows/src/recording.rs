//! Records every permission check without making anybody wait for the disk, and without losing more
//! than was promised.
//!
//! Decisions are queued and written in blocks by one thread, many to a commit. A caller is answered
//! before that, as long as the oldest decision in the queue is younger than the window: so whatever a
//! crash takes was decided within one window. When the database is slower than that, or `strict` is
//! set, callers wait for their commit; when the queue is full, for room in it. Nothing is dropped.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_audit::{AuditKeys, Block, ChainId, DecisionId, Link};
use portcullis_domain::{Clock, SecureRandom};

use crate::StoreError;
use crate::decision::Ruling;

mod writer;

/// What recording needs from storage.
pub trait DecisionStore: Send + Sync {
    /// Appends a block to its chain as entry number `sequence` and moves the head of the chain; the
    /// first block opens the chain. To append the very same entry again changes nothing.
    fn append(&self, sequence: u64, link: Link, block: &Block) -> Result<(), StoreError>;
}

/// How decisions are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingPolicy {
    /// The longest time whose decisions a crash may take.
    pub window: Duration,
    /// Whether every caller waits until the decision is stored; then a crash takes none.
    pub strict: bool,
    /// The most decisions that wait to be written.
    pub most_waiting: usize,
}

impl Default for RecordingPolicy {
    fn default() -> Self {
        Self { window: Duration::from_millis(200), strict: false, most_waiting: 200_000 }
    }
}

/// Records decisions. Dropping it writes what waits.
pub struct Recorder {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What is going on in a recorder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingState {
    /// Decisions that wait to be written.
    pub waiting: usize,
    /// The age of the oldest of them.
    pub lag: Duration,
    /// Decisions written since the start.
    pub recorded: u64,
    /// Attempts to write that failed; each is repeated until it succeeds.
    pub failures: u64,
}

/// The decision was not recorded in time, and must not be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decision cannot be recorded")]
pub struct NotRecorded;

impl Recorder {
    /// Starts the thread that writes.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn start(
        store: Arc<dyn DecisionStore>,
        keys: Arc<AuditKeys>,
        policy: RecordingPolicy,
        clock: Arc<dyn Clock>,
        random: &dyn SecureRandom,
    ) -> io::Result<Self> {
        let chain = ChainId::generate(random);
        let shared = Arc::new(Shared {
            chain,
            policy,
            clock,
            queue: Mutex::new(Queue { next: 1, ..Queue::default() }),
            wanted: Condvar::new(),
            written: Condvar::new(),
        });
        let work = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || writer::work(&work, &*store, &keys))?;
        Ok(Self { shared, writer: Mutex::new(Some(writer)) })
    }

    /// Queues the decisions of one request, if the caller may be answered at once; else gives them
    /// back for [`Recorder::record`]. Never blocks. Answers the id of the first; the others follow.
    pub fn try_record(&self, ruling: Box<Ruling>) -> Result<DecisionId, Box<Ruling>> {
        let shared = &*self.shared;
        let mut queue = shared.queue();
        if shared.policy.strict || queue.closing || shared.is_full(&queue) || shared.is_late(&queue)
        {
            return Err(ruling);
        }
        let (first, _) = shared.push(&mut queue, ruling);
        Ok(first)
    }

    /// Queues the decisions of one request and waits until they are stored. Blocks.
    ///
    /// # Errors
    ///
    /// [`NotRecorded`] after `patience`, when what was queued is still written, and after
    /// [`Recorder::close`].
    pub fn record(
        &self,
        ruling: Box<Ruling>,
        patience: Duration,
    ) -> Result<DecisionId, NotRecorded> {
        let shared = &*self.shared;
        let deadline = shared.clock.monotonic() + patience;
        let mut queue = shared.queue();
        while shared.is_full(&queue) {
            queue = shared.wait_for_writer(queue, deadline)?;
        }
        if queue.closing {
            return Err(NotRecorded);
        }
        let (first, last) = shared.push(&mut queue, ruling);
        while queue.written < last {
            queue = shared.wait_for_writer(queue, deadline)?;
        }
        Ok(first)
    }

    /// Writes what waits and records nothing more. Blocks, for a few seconds at most if the database
    /// takes nothing.
    pub fn close(&self) {
        self.shared.queue().closing = true;
        self.shared.wanted.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic of the writer has nobody to be told to any more.
            drop(writer.join());
        }
    }

    /// What is going on.
    pub fn state(&self) -> RecordingState {
        let queue = self.shared.queue();
        RecordingState {
            waiting: queue.waiting,
            lag: self.shared.lag(&queue),
            recorded: queue.written,
            failures: queue.failures,
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// What callers and the writer share.
struct Shared {
    chain: ChainId,
    policy: RecordingPolicy,
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue>,
    /// There is something to write.
    wanted: Condvar,
    /// Something has been written.
    written: Condvar,
}

#[derive(Default)]
struct Queue {
    rulings: VecDeque<Waiting>,
    /// Decisions that wait, those being written among them.
    waiting: usize,
    /// When the oldest decision came that is not stored yet, on the monotonic clock.
    oldest: Option<Duration>,
    /// The ordinal of the next decision.
    next: u64,
    /// The ordinal of the last decision that is stored.
    written: u64,
    failures: u64,
    closing: bool,
}

struct Waiting {
    ruling: Box<Ruling>,
    since: Duration,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_full(&self, queue: &Queue) -> bool {
        queue.waiting >= self.policy.most_waiting
    }

    fn is_late(&self, queue: &Queue) -> bool {
        self.lag(queue) >= self.policy.window
    }

    fn lag(&self, queue: &Queue) -> Duration {
        queue.oldest.map_or(Duration::ZERO, |oldest| self.clock.monotonic().saturating_sub(oldest))
    }

    /// Answers the first id and the last ordinal.
    fn push(&self, queue: &mut Queue, ruling: Box<Ruling>) -> (DecisionId, u64) {
        let since = self.clock.monotonic();
        let first = DecisionId { chain: self.chain, ordinal: queue.next };
        let count = ruling.decisions.len();
        let was_short = queue.waiting < writer::MOST;
        queue.next += u64::try_from(count).unwrap_or(u64::MAX);
        queue.waiting += count;
        queue.oldest.get_or_insert(since);
        queue.rulings.push_back(Waiting { ruling, since });
        // The writer waits for the first decision, and then for a full block or for time to pass. To
        // wake it for each decision would cost more than everything else about recording it.
        if queue.rulings.len() == 1 || (was_short && queue.waiting >= writer::MOST) {
            self.wanted.notify_one();
        }
        (first, queue.next - 1)
    }

    fn wait_for_writer<'a>(
        &'a self,
        queue: MutexGuard<'a, Queue>,
        deadline: Duration,
    ) -> Result<MutexGuard<'a, Queue>, NotRecorded> {
        let left = deadline.saturating_sub(self.clock.monotonic());
        if left.is_zero() {
            return Err(NotRecorded);
        }
        let waited = self.written.wait_timeout(queue, left);
        let (queue, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() { Err(NotRecorded) } else { Ok(queue) }
    }
}
