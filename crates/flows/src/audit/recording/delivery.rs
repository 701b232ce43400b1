//! Delivery of decisions: appends blocks to the chain and retries after any failure of the
//! database.
//!
//! Each block is sealed on the last known head of the chain, so a refused block can be sealed again
//! in parts. The response to a commit can be lost: the links of all attempts at one position are
//! kept, and the link found there shows which attempt succeeded.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use portcullis_audit::{
    Actor, AuditKeys, Block, BlockWriter, Chain, DecisionId, DecisionRecord, Details, EventKind,
    Link, Outcome, SecurityEvent,
};
use portcullis_domain::SecureRandom;

use super::policy::{BLOCK_BYTES, BLOCK_DECISIONS};
use super::queue::NumberedRequest;
use super::reasons::Reasons;
use super::shared::Shared;
use super::store::DecisionStore;
use crate::StoreError;
use crate::effects::Effects;

/// The writer's state of the chain.
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
    /// The maximum of decisions in the next block. Small after a refusal, and doubled by each
    /// success.
    limit: usize,
    /// The attempts at the next position of the chain.
    attempts: Vec<BlockWrite>,
}

/// A block that the database may have taken.
struct BlockWrite {
    chain: Chain,
    count: u32,
    is_quarantine: bool,
}

/// The result of one round of attempts.
enum DeliveryResult {
    /// Something was written.
    Written,
    /// The database is unavailable.
    Unavailable(StoreError),
    /// The database takes other writes, but not this block.
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

    /// Writes the whole portion; returns what is left if the server closes without a database.
    pub(super) fn deliver(
        &mut self,
        mut portion: VecDeque<NumberedRequest>,
    ) -> VecDeque<NumberedRequest> {
        while !portion.is_empty() {
            if !self.deliver_block(&portion) {
                break;
            }
            self.settle(&mut portion);
        }
        portion
    }

    /// Tries until one block of any size is written. Returns `false` if the server is closing and
    /// its time is over.
    fn deliver_block(&mut self, portion: &VecDeque<NumberedRequest>) -> bool {
        let mut pause = FIRST_PAUSE;
        let mut refusals = 0;
        loop {
            let Some(block) = self.encode(portion) else { return true };
            let error = match self.try_append(&block, &Effects::default()) {
                DeliveryResult::Written => return true,
                DeliveryResult::Unavailable(error) => {
                    refusals = 0;
                    error
                }
                DeliveryResult::Refused(error) => {
                    refusals += 1;
                    error
                }
            };
            let count = usize::try_from(block.count).unwrap_or(BLOCK_DECISIONS);
            // A single failure may be accidental; a part of a refused block gets no second attempt.
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
    fn encode(&mut self, portion: &VecDeque<NumberedRequest>) -> Option<Block> {
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
                let reason = match batch.principal.api_key() {
                    None => Cow::Borrowed(reason),
                    Some((key, _)) => Cow::Owned(format!("{reason}; API key {key}")),
                };
                self.writer.push(&batch.record(decided, &reason));
            }
        }
        self.writer.finish()
    }

    fn try_append(&mut self, block: &Block, effects: &Effects) -> DeliveryResult {
        let mut chain = self.chain;
        let (sequence, link) = chain.append(self.keys, &block.payload);
        if !self.attempts.iter().any(|attempt| attempt.chain == chain) {
            let is_quarantine = !effects.events.is_empty();
            self.attempts.push(BlockWrite { chain, count: block.count, is_quarantine });
        }
        match self.store.append(sequence, link, block, effects) {
            Ok(()) => {
                self.accept(link);
                DeliveryResult::Written
            }
            Err(error) => self.failed(sequence, error),
        }
    }

    /// Finds the cause of a failure.
    fn failed(&mut self, sequence: u64, error: StoreError) -> DeliveryResult {
        match self.store.link_at(self.chain.id(), sequence) {
            // An earlier commit succeeded, and its response was lost.
            Ok(Some(link)) if self.accept(link) => DeliveryResult::Written,
            Ok(None) if self.store.takes_writes().is_ok() => DeliveryResult::Refused(error),
            _ => DeliveryResult::Unavailable(error),
        }
    }

    /// Continues after the attempt with this link; returns whether there is one.
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

    /// Writes the next decision without the content that the caller gave, and an event about it.
    fn quarantine(&mut self, portion: &VecDeque<NumberedRequest>, refused: &Block) -> bool {
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
        let is_written = matches!(self.try_append(&block, &event.into()), DeliveryResult::Written);
        if is_written {
            // Only now it is known that the database refused the content, and not every write.
            tracing::error!(%decision, bytes, "the database refused the content of this decision");
        }
        is_written
    }

    /// Releases the written decisions, and notifies the callers that wait for them.
    fn settle(&mut self, portion: &mut VecDeque<NumberedRequest>) {
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

    /// Waits before the next attempt. Returns `false` if there must be none.
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
        // New requests signal the same condition variable: only the close ends the pause early.
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

/// Of many failures in a row, one in so many is logged.
const LOG_EVERY: u64 = 64;
