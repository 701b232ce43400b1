//! Signed statements of where the audit trail stands, made every minute and kept elsewhere.
//!
//! Nodes share the work: whoever comes first makes the next one. A purge of old entries goes by whole
//! checkpoints, which stay as the proof of what was removed.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{
    Actor, AuditKeys, ChainKind, Checkpoint, Details, EventKind, Head, Origin, Outcome, Purge,
    SecurityEvent, plan_purge, purged,
};
use portcullis_domain::{Clock, SecureRandom, Timestamp};

use crate::StoreError;

/// What checkpoints need from storage.
pub trait CheckpointStore: Send + Sync {
    /// Makes the next checkpoint with `make`, from the latest one and the heads that moved since,
    /// while nobody else does. `None` when the latest was made at `since` or later, or nothing moved.
    fn add_checkpoint(
        &self,
        since: Timestamp,
        make: &dyn Fn(Option<&Checkpoint>, Vec<Head>) -> Checkpoint,
    ) -> Result<Option<Checkpoint>, StoreError>;

    /// All checkpoints, in the order of their numbers.
    fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError>;

    /// The checkpoint with this number, or the latest.
    fn checkpoint(&self, number: Option<u64>) -> Result<Option<Checkpoint>, StoreError>;

    /// Removes entries of the chain up to this head, at most `most` of them; answers how many.
    fn remove_entries(&self, head: &Head, most: u32) -> Result<u64, StoreError>;

    /// Appends an event of its own.
    fn record(&self, event: &SecurityEvent) -> Result<(), StoreError>;
}

/// The use case.
pub struct Checkpoints {
    store: Arc<dyn CheckpointStore>,
    keys: Arc<AuditKeys>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
}

impl Checkpoints {
    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn CheckpointStore>,
        keys: Arc<AuditKeys>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Self {
        Self { store, keys, clock, random }
    }

    /// Makes the next checkpoint, unless one was made less than `every` ago or nothing has happened.
    pub fn make(&self, every: Duration) -> Result<Option<Checkpoint>, StoreError> {
        self.make_next(self.clock.now() - every, None)
    }

    /// The checkpoint with this number, or the latest.
    pub fn find(&self, number: Option<u64>) -> Result<Option<Checkpoint>, StoreError> {
        self.store.checkpoint(number)
    }

    /// Removes what is older than `keep`, in portions of `most` entries, and states so in a
    /// checkpoint beforehand; finishes what a purge before has left. Answers the number of the
    /// checkpoint up to which entries went, if any did.
    pub fn purge(
        &self,
        keep: Duration,
        most: u32,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        let checkpoints = self.store.checkpoints()?;
        let plan = plan_purge(&checkpoints, self.clock.now() - keep);
        if let Some(Purge { to, .. }) = plan {
            self.store.record(&self.event(EventKind::AuditPurged, origin, Details::None))?;
            // Stated first: what is missing without a signed word for it counts as taken away.
            let stated = self.make_next(NEVER_TOO_EARLY, Some(to))?;
            if stated.and_then(|checkpoint| checkpoint.purged_to()) < Some(to) {
                return Ok(None);
            }
        }
        let Some(Purge { to, heads }) = plan.or_else(|| purged(&checkpoints)) else {
            return Ok(None);
        };
        let (mut events, mut decisions) = (0, 0);
        for head in &heads {
            let removed = match head.chain.kind() {
                ChainKind::Events => &mut events,
                ChainKind::Decisions => &mut decisions,
            };
            loop {
                let gone = self.store.remove_entries(head, most)?;
                *removed += gone;
                if gone < u64::from(most) {
                    break;
                }
            }
        }
        if events + decisions == 0 {
            return Ok(None);
        }
        let details = Details::Purge { checkpoint: to, events, decisions };
        self.store.record(&self.event(EventKind::AuditPurged, origin, details))?;
        Ok(Some(to))
    }

    fn make_next(
        &self,
        since: Timestamp,
        purged_to: Option<u64>,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let now = self.clock.now();
        self.store.add_checkpoint(since, &|previous, heads| {
            Checkpoint::make(&self.keys, previous, now, heads, purged_to)
        })
    }

    fn event(&self, kind: EventKind, origin: &Origin, details: Details) -> SecurityEvent {
        SecurityEvent::new(kind, Outcome::Success, origin, self.clock.now(), &*self.random)
            .by(Actor::Operator)
            .with(details)
    }
}

/// No checkpoint has been made after this.
const NEVER_TOO_EARLY: Timestamp = Timestamp::from_micros(i64::MAX);
