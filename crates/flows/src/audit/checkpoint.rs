//! Checkpoints: signed statements of the state of the audit log, made every minute and kept
//! elsewhere.
//!
//! Nodes share the work: the first node that finds a checkpoint due makes it. A checkpoint builds
//! only on what the previous one proves, and only if that one is signed. So an attacker that can
//! write to the database but has no key can neither leave a chain out nor state a purge. A mismatch
//! raises an alarm; the next checkpoint is made nevertheless.
//!
//! A purge deletes old entries by whole checkpoints, which stay as the proof of what was deleted.

mod alarm;

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{
    Actor, AuditKeys, ChainId, ChainKind, Checkpoint, CheckpointTrust, Coverage, Details,
    EventKind, Head, Origin, Outcome, Purge, PurgePlan, SecurityEvent, Statement, StoredCheckpoint,
};
use portcullis_domain::{Ambient, Timestamp};

use self::alarm::Alarms;
use crate::StoreError;
use crate::effects::event_now;

/// The port of checkpoints.
pub trait CheckpointStore: Send + Sync {
    /// Stores the checkpoint that `make` returns; no other checkpoint is added meanwhile.
    /// `is_signed` checks that a checkpoint is signed with a known key.
    fn add_checkpoint(
        &self,
        is_signed: &dyn Fn(&Checkpoint) -> bool,
        make: &mut dyn FnMut(CheckpointState) -> Option<Checkpoint>,
    ) -> Result<Option<Checkpoint>, StoreError>;

    /// What [`add_checkpoint`](Self::add_checkpoint) passes to `make`, without adding one.
    fn checkpoint_state(
        &self,
        is_signed: &dyn Fn(&Checkpoint) -> bool,
    ) -> Result<CheckpointState, StoreError>;

    /// Passes the stored checkpoints to `visit`, from the latest to the first, until it returns
    /// that it needs no more. Returns the time of the database.
    fn walk_back(
        &self,
        visit: &mut dyn FnMut(StoredCheckpoint) -> bool,
    ) -> Result<Timestamp, StoreError>;

    /// The stored checkpoint with this number. Its signature is not verified.
    fn checkpoint(&self, number: u64) -> Result<Option<Checkpoint>, StoreError>;

    /// Deletes entries of the chain up to this head, at most `most` of them; returns how many.
    fn remove_entries(&self, head: &Head, most: u32) -> Result<u64, StoreError>;

    /// Appends an event in a transaction of its own.
    fn record(&self, event: &SecurityEvent) -> Result<(), StoreError>;
}

/// The input for the next checkpoint.
#[derive(Clone, Debug)]
pub struct CheckpointState {
    /// The time of the database.
    pub now: Timestamp,
    /// The number of the next checkpoint.
    pub number: u64,
    /// The latest trusted checkpoint.
    pub latest: Option<Checkpoint>,
    /// A later checkpoint that is stored and not trusted.
    pub refused: Option<u64>,
    /// If none is trusted: the latest that has the form of a checkpoint. The next one follows it,
    /// for readers that know its key, and takes nothing from it.
    pub unknown: Option<Checkpoint>,
    /// The last known position of every chain.
    pub covered: Coverage,
    /// True if the latest checkpoint proves that this is complete. If not, the next one lists every
    /// chain.
    pub is_proven: bool,
    /// The current heads of the chains.
    pub heads: Vec<Head>,
}

impl CheckpointState {
    /// Untrusted checkpoints that are skipped to find a trusted one, at most.
    pub const MAX_REFUSED: u64 = 1_000;
}

/// Every so many checkpoints, one lists every chain, so that few are needed to know all positions.
const FULL_EVERY: u64 = 1_000;

/// Makes checkpoints and purges old entries.
pub struct Checkpoints {
    store: Arc<dyn CheckpointStore>,
    keys: Arc<AuditKeys>,
    previous: Option<Arc<AuditKeys>>,
    alarms: Alarms,
    ambient: Ambient,
}

impl Checkpoints {
    /// Creates the use case from its dependencies. `previous` are the keys of the previous secret,
    /// if it is configured.
    pub fn new(
        store: Arc<dyn CheckpointStore>,
        keys: Arc<AuditKeys>,
        previous: Option<Arc<AuditKeys>>,
        ambient: Ambient,
    ) -> Self {
        Self { store, keys, previous, alarms: Alarms::default(), ambient }
    }

    /// Makes the next checkpoint, unless one was made less than `every` ago or nothing was appended
    /// since.
    pub fn make(&self, every: Duration) -> Result<Option<Checkpoint>, StoreError> {
        self.make_next(Some(every), None)
    }

    /// The checkpoint with this number as it is stored, or the latest trusted one.
    pub fn find(&self, number: Option<u64>) -> Result<Option<Checkpoint>, StoreError> {
        match number {
            Some(number) => self.store.checkpoint(number),
            None => Ok(self.after(None)?.pop()),
        }
    }

    /// The trusted checkpoints after this number, or only the latest without a number; in the order
    /// of their numbers. Of more than 64, the last ones.
    pub fn after(&self, number: Option<u64>) -> Result<Vec<Checkpoint>, StoreError> {
        let mut trust = CheckpointTrust::new(|checkpoint: &Checkpoint| self.is_signed(checkpoint));
        let mut later = Vec::new();
        self.store.walk_back(&mut |stored| {
            if number.is_some_and(|number| stored.number <= number) {
                return false;
            }
            later.extend(trust.of(stored.number, &stored.file));
            let is_enough =
                if number.is_some() { later.len() >= MAX_AT_ONCE } else { !later.is_empty() };
            !is_enough && trust.refused() < CheckpointState::MAX_REFUSED
        })?;
        later.reverse();
        Ok(later)
    }

    /// The latest trusted checkpoint and the head of this chain that it proves, if it covers this entry.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn covering(
        &self,
        chain: ChainId,
        sequence: u64,
    ) -> Result<Option<(Checkpoint, Head)>, StoreError> {
        let state = self.store.checkpoint_state(&|checkpoint| self.is_signed(checkpoint))?;
        let mut heads = state.covered.heads();
        let head = heads.find(|head| head.chain == chain && head.sequence >= sequence).copied();
        Ok(state.latest.zip(head))
    }

    /// The number of alarms raised since the start.
    pub fn alarms(&self) -> u64 {
        self.alarms.raised()
    }

    /// Deletes entries that are older than `keep`, in batches of `most`, and states so in a
    /// checkpoint beforehand; also finishes an interrupted purge. Returns the number of the
    /// checkpoint up to which entries were deleted, if any were.
    pub fn purge(
        &self,
        keep: Duration,
        most: u32,
        origin: &Origin,
    ) -> Result<Option<u64>, StoreError> {
        let Some(Purge { to, is_new, heads }) = self.plan(keep)? else { return Ok(None) };
        if is_new {
            self.store.record(&self.event(EventKind::AuditPurged, origin, Details::None))?;
            // The statement comes first: entries that are missing without a signed statement count
            // as removed by an attacker.
            let stated = self.make_next(None, Some(to))?;
            if stated.and_then(|checkpoint| checkpoint.purged_to()) < Some(to) {
                return Ok(None);
            }
        }
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

    /// The entries that may be deleted, by trusted checkpoints, and by the slower clock: that of
    /// the database or of this node.
    fn plan(&self, keep: Duration) -> Result<Option<Purge>, StoreError> {
        let now = self.store.walk_back(&mut |_| false)?.min(self.ambient.now());
        let mut plan = PurgePlan::new(now - keep);
        let mut trust = CheckpointTrust::new(|checkpoint: &Checkpoint| self.is_signed(checkpoint));
        let mut has_latest = false;
        self.store.walk_back(&mut |stored| match trust.of(stored.number, &stored.file) {
            Some(checkpoint) => {
                has_latest = true;
                plan.take(&checkpoint)
            }
            None => has_latest || trust.refused() < CheckpointState::MAX_REFUSED,
        })?;
        Ok(plan.finish())
    }

    /// Makes the next checkpoint. `every` is `None` for one that is due in any case.
    fn make_next(
        &self,
        every: Option<Duration>,
        purged_to: Option<u64>,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let mut found = Vec::new();
        let is_signed = |checkpoint: &Checkpoint| self.is_signed(checkpoint);
        let made = self.store.add_checkpoint(&is_signed, &mut |checkpoint_state| {
            let CheckpointState { now, number, latest, refused, unknown, .. } = checkpoint_state;
            let CheckpointState { mut covered, is_proven, heads, .. } = checkpoint_state;
            let ahead = latest
                .as_ref()
                .is_some_and(|latest| latest.at() > now + Checkpoint::CLOCK_TOLERANCE);
            let since = every.map(|every| now - every);
            let is_early = |latest: &Checkpoint| since.is_some_and(|since| latest.at() >= since);
            if refused.is_none() && !ahead && latest.as_ref().is_some_and(is_early) {
                return None;
            }
            let advance = covered.advance(heads);
            found = alarm::found(latest.as_ref(), refused, is_proven, ahead, &advance.cut);
            let has_news = purged_to.is_some() || !is_proven || !advance.moved.is_empty();
            if !has_news || covered.chains() == 0 {
                return None;
            }
            let is_full = !is_proven || number.is_multiple_of(FULL_EVERY);
            let listed = if is_full { covered.heads().copied().collect() } else { advance.moved };
            // Dates never decrease: the entries of an earlier checkpoint must not seem older.
            let at = latest.as_ref().map_or(now, |latest| latest.at().max(now));
            let statement = Statement {
                number,
                at,
                previous: latest.as_ref().or(unknown.as_ref()),
                is_signed: latest.is_some(),
                coverage: &covered,
                listed,
                purged_to,
            };
            Some(Checkpoint::make(&self.keys, statement))
        })?;
        for alarm in self.alarms.raise(found) {
            alarm.log();
            let event =
                event_now(EventKind::AuditAlarm, Outcome::Invalid, &alarm::origin(), &self.ambient);
            self.store.record(&event.by(Actor::Operator).with(alarm.details()))?;
        }
        Ok(made)
    }

    fn is_signed(&self, checkpoint: &Checkpoint) -> bool {
        let mut keys = std::iter::once(&self.keys).chain(&self.previous);
        keys.any(|keys| checkpoint.verify(&keys.checkpoint_key()).is_ok())
    }

    fn event(&self, kind: EventKind, origin: &Origin, details: Details) -> SecurityEvent {
        event_now(kind, Outcome::Success, origin, &self.ambient).by(Actor::Operator).with(details)
    }
}

/// Checkpoints that are returned at once, at most.
const MAX_AT_ONCE: usize = 64;
