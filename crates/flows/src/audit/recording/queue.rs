//! The recording queue: a pure data structure, bounded by decisions and by bytes, and shared fairly
//! among callers.
//!
//! It has two lanes. An *answered* caller has received ids, so its requests are written in the
//! order of the ids and before all others. A *waiting* caller gets ids when the writer takes the
//! request; until then the request can leave the queue without a gap in the ids. Waiting callers
//! take turns.
//!
//! A caller may hold no more than is still free (a dynamic threshold, as in switches that share a
//! buffer): one caller alone holds at most half of the queue, two hold at most a third each, and a
//! new caller always finds capacity.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use portcullis_domain::{AccountId, Timestamp};

use super::lanes::Lanes;
use super::outcome::{NotRecorded, Notify};
use super::policy::{BLOCK_DECISIONS, PORTION_BYTES, RecordingPolicy, UNSTORED_PER_CALLER};
use super::queued::{QueueUsage, Queued, RequestKey};
use crate::access::request_decisions::RequestDecisions;
use crate::audit::trail::MAX_BLOCK_SPAN;

/// The recording queue.
#[derive(Default)]
pub(super) struct Queue {
    answered: VecDeque<NumberedRequest>,
    waiting: Lanes,
    held: QueueUsage,
    shares: HashMap<AccountId, QueueUsage>,
    /// The number of decisions that have an ordinal.
    numbered: u64,
    last_answered: u64,
    last_ticket: u64,
}

/// A request whose decisions have ordinals.
pub(super) struct NumberedRequest {
    /// The request.
    pub(super) queued: Queued,
    /// The ordinal of its first decision.
    pub(super) first: u64,
}

impl Queue {
    /// Adds a request whose caller is answered now, if the limits allow it; returns the ordinal of
    /// its first decision.
    pub(super) fn answer(
        &mut self,
        policy: &RecordingPolicy,
        batch: Box<RequestDecisions>,
        now: Duration,
    ) -> Result<u64, Box<RequestDecisions>> {
        let queued = Queued::new(batch, now, None);
        let mine = self.share(queued.caller()).plus(queued.size);
        let unstored = UNSTORED_PER_CALLER.max(queued.size.bytes);
        if !mine.times(4).fits(self.free(policy)) || mine.bytes > unstored {
            return Err(queued.batch);
        }
        self.hold(&queued);
        let taken = self.number(queued);
        let first = taken.first;
        self.last_answered = self.numbered;
        self.answered.push_back(taken);
        Ok(first)
    }

    /// Adds a request whose caller waits until it is stored, if there is capacity.
    pub(super) fn wait(
        &mut self,
        policy: &RecordingPolicy,
        batch: Box<RequestDecisions>,
        now: Duration,
        notify: Notify,
    ) -> Result<RequestKey, (Notify, NotRecorded)> {
        let mut queued = Queued::new(batch, now, None);
        let caller = queued.caller();
        if !self.share(caller).plus(queued.size).fits(self.free(policy)) {
            return Err((notify, NotRecorded::NoRoom));
        }
        self.hold(&queued);
        self.last_ticket += 1;
        let place = RequestKey { caller, ticket: self.last_ticket };
        queued.notify = Some(notify);
        self.waiting.push(place, queued);
        Ok(place)
    }

    /// Removes a request, unless the writer has it; returns whether it was there.
    pub(super) fn withdraw(&mut self, place: RequestKey) -> bool {
        match self.waiting.remove(place) {
            Some(queued) => {
                self.release(&queued);
                true
            }
            None => false,
        }
    }

    /// Takes the next requests to write: the answered ones first, then the waiting ones in turns.
    /// They count as held until [`done`](Self::done).
    pub(super) fn take(&mut self) -> VecDeque<NumberedRequest> {
        let mut portion = RequestBatch::default();
        while self.answered.front().is_some_and(|next| portion.has_room_for(&next.queued)) {
            portion.extend(self.answered.pop_front());
        }
        while self.answered.is_empty()
            && self.waiting.next().is_some_and(|next| portion.has_room_for(next))
        {
            let next = self.waiting.pop().map(|queued| self.number(queued));
            portion.extend(next);
        }
        portion.taken
    }

    /// Releases what a request held that the writer had taken.
    pub(super) fn done(&mut self, taken: &NumberedRequest) {
        self.release(&taken.queued);
    }

    /// The amount in the queue and with the writer.
    pub(super) const fn held(&self) -> QueueUsage {
        self.held
    }

    /// True if the writer would find nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.answered.is_empty() && self.waiting.is_empty()
    }

    /// True if a caller waits for a commit that has not begun.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The arrival time of the oldest request that the writer has not taken.
    pub(super) fn oldest(&self) -> Option<Duration> {
        let answered = self.answered.front().map(|taken| taken.queued.since);
        answered.into_iter().chain(self.waiting.oldest()).min()
    }

    /// The number of answered decisions that the writer has not taken.
    pub(super) fn answered(&self) -> u64 {
        self.answered.iter().map(|taken| taken.end() - taken.first).sum()
    }

    /// The last ordinal that a caller got before its decision was stored.
    pub(super) const fn last_answered(&self) -> u64 {
        self.last_answered
    }

    /// Removes all waiting requests, so that they can be refused.
    pub(super) fn dismiss(&mut self) -> Vec<Notify> {
        let mut dismissed = Vec::new();
        while let Some(mut queued) = self.waiting.pop() {
            self.release(&queued);
            dismissed.extend(queued.notify.take());
        }
        dismissed
    }

    fn share(&self, caller: AccountId) -> QueueUsage {
        self.shares.get(&caller).copied().unwrap_or_default()
    }

    fn free(&self, policy: &RecordingPolicy) -> QueueUsage {
        QueueUsage {
            decisions: policy.max_decisions.saturating_sub(self.held.decisions),
            bytes: policy.max_bytes.saturating_sub(self.held.bytes),
        }
    }

    fn hold(&mut self, queued: &Queued) {
        self.held = self.held.plus(queued.size);
        let share = self.shares.entry(queued.caller()).or_default();
        *share = share.plus(queued.size);
    }

    fn release(&mut self, queued: &Queued) {
        self.held = self.held.minus(queued.size);
        let caller = queued.caller();
        let left = self.share(caller).minus(queued.size);
        if left == QueueUsage::default() {
            self.shares.remove(&caller);
        } else {
            self.shares.insert(caller, left);
        }
    }

    fn number(&mut self, queued: Queued) -> NumberedRequest {
        let first = self.numbered + 1;
        self.numbered += count(queued.size.decisions);
        NumberedRequest { queued, first }
    }
}

impl NumberedRequest {
    /// The ordinal after that of its last decision.
    pub(super) fn end(&self) -> u64 {
        self.first + count(self.queued.size.decisions)
    }
}

/// The requests being taken: as much as one block or a few blocks hold.
#[derive(Default)]
struct RequestBatch {
    taken: VecDeque<NumberedRequest>,
    decisions: usize,
    text: usize,
    /// The earliest and the latest decision.
    times: Option<(Timestamp, Timestamp)>,
}

impl RequestBatch {
    fn has_room_for(&self, next: &Queued) -> bool {
        let Some((from, until)) = self.times else { return true };
        let at = next.batch.at;
        self.decisions.saturating_add(next.size.decisions) <= BLOCK_DECISIONS
            && self.text.saturating_add(next.text) <= PORTION_BYTES
            && until.max(at).since(from.min(at)) <= MAX_BLOCK_SPAN
    }

    fn extend(&mut self, next: Option<NumberedRequest>) {
        let Some(next) = next else { return };
        let at = next.queued.batch.at;
        let (from, until) = self.times.unwrap_or((at, at));
        self.times = Some((from.min(at), until.max(at)));
        self.decisions = self.decisions.saturating_add(next.queued.size.decisions);
        self.text = self.text.saturating_add(next.queued.text);
        self.taken.push_back(next);
    }
}

fn count(decisions: usize) -> u64 {
    u64::try_from(decisions).unwrap_or(u64::MAX)
}
