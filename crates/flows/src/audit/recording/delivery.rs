//! Brings decisions into the chain, whatever the database does.
//!
//! Each block is sealed on the chain as it was before, so a block that is refused can be sealed again
//! in parts. The answer to a commit can be lost: the links of all attempts at one place are kept, and
//! whichever of them is found there is the one that counts.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use portcullis_audit::{
    Actor, AuditKeys, Block, BlockWriter, Chain, DecisionId, DecisionRecord, Details, EventKind,
    Link, Outcome, SecurityEvent,
};
use portcullis_domain::SecureRandom;

use super::policy::{BLOCK_BYTES, BLOCK_DECISIONS};
use super::queue::Taken;
use super::reasons::Reasons;
use super::shared::Shared;
use super::store::DecisionStore;
use crate::StoreError;
use crate::effects::Effects;

/// The writer's end of the chain.
pub(super) struct Delivery<'s> {
    shared: &'s Shared,
    store: &'s dyn DecisionStore,
    keys: &'s AuditKeys,
    random: &'s dyn SecureRandom,
    chain: Chain,
    writer: BlockWriter,
    reasons: Reasons,
    /// The ordinal of the next decision.
    next: u64,
    /// Decisions in the next block, at most. Small after a refusal, and doubled by each success.
    limit: usize,
    /// What was tried at the next place of the chain.
    attempts: Vec<BlockWrite>,
}

/// A block that the database may have taken.
struct BlockWrite {
    chain: Chain,
    count: u32,
    is_quarantine: bool,
}

/// How one round of trying ended.
enum Round {
    /// Something was written.
    Written,
    /// The database is unavailable.
    Unavailable(StoreError),
    /// The database takes other writes, and not this.
    Refused(StoreError),
}

impl<'s> Delivery<'s> {
    pub(super) fn new(
        shared: &'s Shared,
        store: &'s dyn DecisionStore,
        keys: &'s AuditKeys,
        random: &'s dyn SecureRandom,
    ) -> Self {
        Self {
            shared,
            store,
            keys,
            random,
            chain: Chain::genesis(shared.chain, keys),
            writer: BlockWriter::new(keys, shared.chain, 1),
            reasons: Reasons::default(),
            next: 1,
            limit: BLOCK_DECISIONS,
            attempts: Vec::new(),
        }
    }

    /// Writes all of it; what is left when the server closes without a database is given back.
    pub(super) fn deliver(&mut self, mut portion: VecDeque<Taken>) -> VecDeque<Taken> {
        while !portion.is_empty() {
            if !self.deliver_block(&portion) {
                break;
            }
            self.settle(&mut portion);
        }
        portion
    }

    /// Tries until one block is written, of whatever size the database takes. Answers `false` when the
    /// server is closing and its time is over.
    fn deliver_block(&mut self, portion: &VecDeque<Taken>) -> bool {
        let mut pause = FIRST_PAUSE;
        let mut refusals = 0;
        loop {
            let Some(block) = self.encode(portion) else { return true };
            let error = match self.try_append(&block, &Effects::default()) {
                Round::Written => return true,
                Round::Unavailable(error) => {
                    refusals = 0;
                    error
                }
                Round::Refused(error) => {
                    refusals += 1;
                    error
                }
            };
            let count = usize::try_from(block.count).unwrap_or(BLOCK_DECISIONS);
            // One failure may be an accident; a part of what was refused is given no second chance.
            if refusals > 1 && count == 1 {
                refusals = 0;
                if self.quarantine(portion, &block) {
                    return true;
                }
            } else if refusals > usize::from(self.limit == BLOCK_DECISIONS) && count > 1 {
                refusals = 0;
                self.limit = (count / SPLIT).max(1);
                pause = FIRST_PAUSE;
            }
            if !self.pause(&error, &block, pause) {
                return false;
            }
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// The next decisions as a block, if there are any.
    fn encode(&mut self, portion: &VecDeque<Taken>) -> Option<Block> {
        self.writer.restart(self.next);
        'full: for taken in portion {
            let batch = &*taken.queued.batch;
            let written = usize::try_from(self.next.saturating_sub(taken.first)).unwrap_or(0);
            for decided in batch.decisions.iter().skip(written) {
                let count = usize::try_from(self.writer.len()).unwrap_or(BLOCK_DECISIONS);
                if count >= self.limit || self.writer.size() >= BLOCK_BYTES {
                    break 'full;
                }
                let reason = self.reasons.of(batch, decided);
                self.writer.push(&batch.record(decided, reason));
            }
        }
        self.writer.finish()
    }

    fn try_append(&mut self, block: &Block, effects: &Effects) -> Round {
        let mut chain = self.chain;
        let (sequence, link) = chain.append(self.keys, &block.payload);
        if !self.attempts.iter().any(|attempt| attempt.chain == chain) {
            let is_quarantine = !effects.events.is_empty();
            self.attempts.push(BlockWrite { chain, count: block.count, is_quarantine });
        }
        match self.store.append(sequence, link, block, effects) {
            Ok(()) => {
                self.accept(link);
                Round::Written
            }
            Err(error) => self.failed(sequence, error),
        }
    }

    /// Finds out what a failure means.
    fn failed(&mut self, sequence: u64, error: StoreError) -> Round {
        match self.store.link_at(self.chain.id(), sequence) {
            // A commit before this attempt succeeded, and its answer was lost.
            Ok(Some(link)) if self.accept(link) => Round::Written,
            Ok(None) if self.store.takes_writes().is_ok() => Round::Refused(error),
            _ => Round::Unavailable(error),
        }
    }

    /// Goes on from the attempt with this link; answers whether there is one.
    fn accept(&mut self, link: Link) -> bool {
        let found = self.attempts.iter().find(|attempt| attempt.chain.link() == link);
        let Some(&BlockWrite { chain, count, is_quarantine }) = found else { return false };
        self.attempts.clear();
        self.chain = chain;
        self.next += u64::from(count);
        self.limit = self.limit.saturating_mul(2).min(BLOCK_DECISIONS);
        let mut state = self.shared.state();
        state.written = self.next - 1;
        state.last_write = self.shared.clock.monotonic();
        state.quarantined += u64::from(is_quarantine);
        true
    }

    /// Writes the next decision without what the caller gave, and an event that says so.
    fn quarantine(&mut self, portion: &VecDeque<Taken>, refused: &Block) -> bool {
        let Some(taken) = portion.iter().find(|taken| self.next < taken.end()) else {
            return false;
        };
        let batch = &*taken.queued.batch;
        let place = usize::try_from(self.next.saturating_sub(taken.first)).unwrap_or(0);
        let Some(decided) = batch.decisions.get(place) else { return false };
        let record = batch.record(decided, WITHHELD);
        let withheld = DecisionRecord {
            user_agent: None,
            request_id: None,
            resource: "",
            action: "",
            owner: None,
            parties: None,
            attributes: None,
            ..record
        };
        self.writer.restart(self.next);
        self.writer.push(&withheld);
        let Some(block) = self.writer.finish() else { return false };
        let decision = DecisionId { chain: self.shared.chain, ordinal: self.next };
        let outcome = if withheld.allowed { Outcome::Allowed } else { Outcome::Denied };
        let (origin, now) = (&batch.principal.origin, self.shared.clock.now());
        let bytes = u64::try_from(refused.payload.len()).unwrap_or(u64::MAX);
        let kind = EventKind::DecisionQuarantined;
        let event = SecurityEvent::new(kind, outcome, origin, now, self.random)
            .by(Actor::Account(withheld.caller))
            .about(withheld.subject)
            .with(Details::Quarantine { decision, bytes });
        let is_written = matches!(self.try_append(&block, &event.into()), Round::Written);
        if is_written {
            // Only now it is known that the database refused the content, and not every write.
            tracing::error!(%decision, bytes, "the database refused the content of this decision");
        }
        is_written
    }

    /// Lets go of what is written, and tells who waits for it.
    fn settle(&mut self, portion: &mut VecDeque<Taken>) {
        let mut told = Vec::new();
        let mut state = self.shared.state();
        while portion.front().is_some_and(|taken| taken.end() <= self.next) {
            let Some(mut taken) = portion.pop_front() else { break };
            state.queue.done(&taken);
            if let Some(notify) = taken.queued.notify.take() {
                told.push((notify, taken.first));
            } else {
                let count = taken.end() - taken.first;
                state.writing_answered = state.writing_answered.saturating_sub(count);
            }
        }
        state.writing_since = portion.iter().map(|taken| taken.queued.since).min();
        drop(state);
        for (notify, ordinal) in told {
            notify(Ok(DecisionId { chain: self.shared.chain, ordinal }));
        }
    }

    /// Waits before the next attempt. Answers `false` when there must be none.
    fn pause(&self, error: &StoreError, block: &Block, pause: Duration) -> bool {
        let (decisions, bytes) = (block.count, block.payload.len());
        let mut state = self.shared.state();
        state.failures += 1;
        let waiting = state.queue.held().decisions;
        if state.failures.is_power_of_two() || state.failures.is_multiple_of(LOG_EVERY) {
            tracing::warn!(
                %error, decisions, bytes, waiting, failures = state.failures,
                "decisions cannot be recorded, trying again"
            );
        }
        // While callers come, they signal the same condition: only the close ends the pause early.
        let waited =
            self.shared.wanted.wait_timeout_while(state, pause, |state| state.closing.is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let now = self.shared.clock.monotonic();
        state.closing.is_none_or(|deadline| now < deadline)
    }
}

const WITHHELD: &str = "withheld: the database refused the record of this decision";

/// A refused block is tried again in parts of this fraction.
const SPLIT: usize = 4;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Of many failures in a row, so few are logged.
const LOG_EVERY: u64 = 64;
