//! The writer thread: collects waiting decisions and delivers them, until the server closes.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use portcullis_audit::AuditKeys;
use portcullis_domain::SecureRandom;

use super::delivery::Delivery;
use super::outcome::NotRecorded;
use super::policy::{BLOCK_DECISIONS, PORTION_BYTES};
use super::queue::NumberedRequest;
use super::shared::Shared;
use super::store::DecisionStore;

pub(super) fn work(
    shared: &Shared,
    store: &dyn DecisionStore,
    keys: &AuditKeys,
    random: &dyn SecureRandom,
) {
    let _ended = EndOnDrop(shared);
    let mut delivery = Delivery::new(shared, store, keys, random);
    while let Some(portion) = next_portion(shared) {
        let left = delivery.deliver(portion);
        if !left.is_empty() {
            for notify in left.into_iter().filter_map(|taken| taken.queued.notify) {
                notify(Err(NotRecorded::Closing));
            }
            return;
        }
    }
}

/// Marks the writer as ended when it is dropped, also by a panic.
struct EndOnDrop<'s>(&'s Shared);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.state().has_ended = true;
        self.0.ended.notify_all();
    }
}

/// Waits for decisions, and a fraction of the window longer for more, unless a caller waits; `None`
/// if there will be none.
fn next_portion(shared: &Shared) -> Option<VecDeque<NumberedRequest>> {
    let mut state = shared.state();
    while state.queue.is_empty() {
        if state.closing.is_some() {
            return None;
        }
        state = shared.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    let gather = if shared.policy.strict { Duration::ZERO } else { shared.policy.window / 4 };
    loop {
        let held = state.queue.held();
        let is_enough = held.decisions >= BLOCK_DECISIONS || held.bytes >= PORTION_BYTES;
        let left = gather.saturating_sub(state.lag(shared.clock.monotonic()));
        if state.closing.is_some() || state.queue.has_waiting() || is_enough || left.is_zero() {
            break;
        }
        let waited = shared.wanted.wait_timeout(state, left);
        let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        state = after;
        if timeout.timed_out() {
            break;
        }
    }
    state.writing_since = state.queue.oldest();
    let portion = state.queue.take();
    let answered = portion.iter().filter(|taken| taken.queued.notify.is_none());
    state.writing_answered = answered.map(|taken| taken.end() - taken.first).sum();
    Some(portion)
}
