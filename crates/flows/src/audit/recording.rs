//! Asynchronous recording of decisions: a bounded queue and one writer thread, with a bounded loss
//! window.
//!
//! Decisions are queued and written in blocks by one thread, many to a commit. A caller is answered
//! before the commit as long as the oldest decision in the queue is younger than the window: so a
//! crash loses only decisions of one window. If the database is slower than that, or `strict` is
//! set, callers wait for their commit, and a request that times out leaves the queue. The queue is
//! bounded by decisions and by bytes and shared fairly among callers; without capacity a caller is
//! refused at once. While the server runs, no answered decision is dropped.
//!
//! An unavailable database is retried without limit. A block that the database refuses although it takes
//! other writes is split, down to one decision. If that one is still refused, its content is
//! withheld, a record in the chain says so, and an event is recorded.

use std::fmt;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use portcullis_audit::{AuditKeys, ChainId, DecisionId};
use portcullis_domain::{Ambient, Supervised};

use self::policy::{BLOCK_DECISIONS, PORTION_BYTES};
use self::queued::RequestKey;
use self::shared::{Shared, State};
use crate::access::request_decisions::RequestDecisions;

mod delivery;
mod lanes;
mod outcome;
mod policy;
mod queue;
mod queued;
mod reasons;
mod shared;
mod store;
mod writer;

pub use self::outcome::{LostDecisions, NotRecorded, Notify};
pub use self::policy::RecordingPolicy;
pub use self::store::DecisionStore;

/// Records decisions. Dropping it writes the queue.
pub struct Recorder {
    shared: Arc<Shared>,
    writer: Supervised,
}

/// The state of a recorder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingState {
    /// Decisions that wait to be written.
    pub waiting: usize,
    /// The memory that they take, in bytes.
    pub waiting_bytes: usize,
    /// The age of the oldest waiting decision.
    pub lag: Duration,
    /// The time without a write although something waits.
    pub stalled: Duration,
    /// Decisions written since the start.
    pub recorded: u64,
    /// Failed attempts to write; each is retried until it succeeds.
    pub failures: u64,
    /// Decisions whose content the database refused.
    pub quarantined: u64,
    /// Requests refused because the queue, or the caller's share of it, was full.
    pub refused: u64,
}

impl RecordingState {
    /// True if the recorder does not work: nothing was written for five seconds although something
    /// waits.
    pub fn is_stalled(&self) -> bool {
        self.stalled >= STALLED_AFTER
    }
}

/// A request in the queue. Dropping it removes the request, unless the writer has it already.
#[must_use = "dropping it takes the request out of the queue"]
pub struct Ticket {
    shared: Arc<Shared>,
    place: RequestKey,
}

impl Recorder {
    /// Starts the writer thread.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread.
    pub fn start(
        store: Arc<dyn DecisionStore>,
        keys: Arc<AuditKeys>,
        policy: RecordingPolicy,
        ambient: Ambient,
    ) -> io::Result<Self> {
        let chain = ChainId::generate(&*ambient.random);
        let state = Mutex::new(State { last_write: ambient.clock.monotonic(), ..State::default() });
        let (wanted, ended) = (Condvar::new(), Condvar::new());
        let shared =
            Arc::new(Shared { chain, policy, clock: ambient.clock.clone(), state, wanted, ended });
        let work = Arc::clone(&shared);
        // The state of its chain is in its memory: it cannot be restarted.
        let writer = Supervised::once("recorder", move || {
            writer::work(&work, &*store, &keys, &*ambient.random);
        })?;
        Ok(Self { shared, writer })
    }

    /// Queues the decisions of one request if the caller may be answered at once; otherwise returns
    /// them for [`Recorder::enqueue`]. Never blocks. Returns the id of the first decision; the
    /// others follow it.
    pub fn try_record(
        &self,
        batch: Box<RequestDecisions>,
    ) -> Result<DecisionId, Box<RequestDecisions>> {
        let shared = &*self.shared;
        let now = shared.clock.monotonic();
        let mut state = shared.state();
        let is_late = state.lag(now) >= shared.policy.window;
        if shared.policy.strict || state.closing.is_some() || is_late {
            return Err(batch);
        }
        let before = state.queue.held();
        let was_empty = state.queue.is_empty();
        let first = state.queue.answer(&shared.policy, batch, now)?;
        let after = state.queue.held();
        drop(state);
        // The writer waits for the first decision, and then for a full block or the end of a delay.
        // A wake-up for each decision would cost more than everything else about recording it.
        let passes = |before: usize, after: usize, limit| before < limit && after >= limit;
        if was_empty
            || passes(before.decisions, after.decisions, BLOCK_DECISIONS)
            || passes(before.bytes, after.bytes, PORTION_BYTES)
        {
            shared.wanted.notify_one();
        }
        Ok(DecisionId { chain: shared.chain, ordinal: first })
    }

    /// Queues the decisions of one request; `notify` is called when they are stored. Never blocks.
    ///
    /// # Errors
    ///
    /// [`NotRecorded`] without capacity and after [`Recorder::close`]; `notify` is not called then.
    pub fn enqueue(
        &self,
        batch: Box<RequestDecisions>,
        notify: Notify,
    ) -> Result<Ticket, NotRecorded> {
        let shared = &*self.shared;
        let mut state = shared.state();
        if state.closing.is_some() {
            return Err(NotRecorded::Closing);
        }
        let now = shared.clock.monotonic();
        let is_first = !state.queue.has_waiting();
        match state.queue.wait(&shared.policy, batch, now, notify) {
            Ok(place) => {
                drop(state);
                if is_first {
                    shared.wanted.notify_one();
                }
                Ok(Ticket { shared: Arc::clone(&self.shared), place })
            }
            Err((_, error)) => {
                state.refused += 1;
                Err(error)
            }
        }
    }

    /// Queues the decisions of one request and waits until they are stored. Blocks.
    ///
    /// # Errors
    ///
    /// [`NotRecorded`] without capacity, after `timeout`, and after [`Recorder::close`]. Decisions
    /// that the writer had not taken by then are not recorded at all.
    pub fn record(
        &self,
        batch: Box<RequestDecisions>,
        timeout: Duration,
    ) -> Result<DecisionId, NotRecorded> {
        let (send, receive) = sync_channel(1);
        let notify = Box::new(move |outcome| {
            // After its timeout the caller no longer receives.
            let _ = send.try_send(outcome);
        });
        let ticket = self.enqueue(batch, notify)?;
        let outcome = receive.recv_timeout(timeout).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(NotRecorded::TimedOut),
            RecvTimeoutError::Disconnected => Err(NotRecorded::Closing),
        });
        drop(ticket);
        outcome
    }

    /// True while the writer thread runs. After its end nothing is recorded.
    pub fn is_running(&self) -> bool {
        self.writer.is_running()
    }

    /// Stops accepting decisions and writes the queue, for at most `timeout`; returns the answered
    /// decisions that could not be written. Blocks.
    pub fn close(&self, timeout: Duration) -> Option<LostDecisions> {
        let shared = &*self.shared;
        let mut state = shared.state();
        if state.closing.is_none() {
            state.closing = Some(shared.clock.monotonic().saturating_add(timeout));
        }
        shared.wanted.notify_one();
        // The writer stops by itself at that time, unless a statement in the database takes longer.
        let (mut state, _) = shared
            .ended
            .wait_timeout_while(state, timeout.saturating_add(CLOSE_GRACE), |state| {
                !state.has_ended
            })
            .unwrap_or_else(PoisonError::into_inner);
        // If it does, its current attempt is the last.
        state.closing = Some(Duration::ZERO);
        state.is_closed = true;
        let dismissed = state.queue.dismiss();
        let unrecorded = shared.unrecorded(&state);
        drop(state);
        for notify in dismissed {
            notify(Err(NotRecorded::Closing));
        }
        unrecorded
    }

    /// The current state.
    pub fn state(&self) -> RecordingState {
        let state = self.shared.state();
        let now = self.shared.clock.monotonic();
        let held = state.queue.held();
        RecordingState {
            waiting: held.decisions,
            waiting_bytes: held.bytes,
            lag: state.lag(now),
            stalled: state.stalled(now),
            recorded: state.written,
            failures: state.failures,
            quarantined: state.quarantined,
            refused: state.refused,
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let is_closed = self.shared.state().is_closed;
        if !is_closed && let Some(unrecorded) = self.close(Duration::from_secs(1)) {
            tracing::error!(%unrecorded, "closing without a database: decisions are lost");
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.state().queue.withdraw(self.place);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("place", &self.place).finish_non_exhaustive()
    }
}

/// See [`RecordingState::is_stalled`].
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// The extra time, after its timeout, that a close waits for a running attempt.
const CLOSE_GRACE: Duration = Duration::from_secs(1);
