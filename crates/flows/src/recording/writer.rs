//! The thread that writes: gathers what waits, encodes it as a block, and repeats the commit until
//! it succeeds.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use portcullis_audit::{AuditKeys, Block, BlockWriter, Chain, Link};

use super::{DecisionStore, Shared, Waiting};
use crate::decision::Ruling;
use crate::trail::LONGEST_BLOCK;

pub(super) fn work(shared: &Shared, store: &dyn DecisionStore, keys: &AuditKeys) {
    let mut chain = Chain::genesis(shared.chain, keys);
    let mut writer = BlockWriter::new(keys, shared.chain, 1);
    let mut reasons = Reasons::default();
    while let Some(portion) = next_portion(shared) {
        for waiting in &portion {
            encode(&waiting.ruling, &mut writer, &mut reasons);
        }
        drop(portion);
        if let Some(block) = writer.finish() {
            let (sequence, link) = chain.append(keys, &block.payload);
            if !append(shared, store, sequence, link, &block) {
                return;
            }
        }
    }
}

/// Waits for decisions, and a part of the window longer for more; `None` when there will be none.
fn next_portion(shared: &Shared) -> Option<Vec<Waiting>> {
    let mut queue = shared.queue();
    while queue.rulings.is_empty() {
        if queue.closing {
            return None;
        }
        queue = shared.wanted.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
    let gather = if shared.policy.strict { Duration::ZERO } else { shared.policy.window / 4 };
    while !queue.closing && queue.waiting < MOST {
        let left = gather.saturating_sub(shared.lag(&queue));
        if left.is_zero() {
            break;
        }
        let waited = shared.wanted.wait_timeout(queue, left);
        let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        queue = after;
        if timeout.timed_out() {
            break;
        }
    }
    let mut portion: Vec<Waiting> = Vec::new();
    let mut count = 0;
    while let Some(next) = queue.rulings.front() {
        count += next.ruling.decisions.len();
        let first = portion.first().map_or(next.ruling.at, |first| first.ruling.at);
        let is_long = next.ruling.at.since(first) > LONGEST_BLOCK;
        if !portion.is_empty() && (count > MOST || is_long) {
            break;
        }
        portion.extend(queue.rulings.pop_front());
    }
    Some(portion)
}

fn encode(ruling: &Ruling, writer: &mut BlockWriter, reasons: &mut Reasons) {
    for decided in &ruling.decisions {
        let reason = reasons.of(ruling, decided);
        writer.push(&ruling.record(decided, reason));
    }
}

/// Answers `false` when the server is closing and the database does not take it: then nobody can.
fn append(
    shared: &Shared,
    store: &dyn DecisionStore,
    sequence: u64,
    link: Link,
    block: &Block,
) -> bool {
    let mut pause = FIRST_PAUSE;
    let mut attempts_after_close = 0;
    while let Err(error) = store.append(sequence, link, block) {
        let mut queue = shared.queue();
        queue.failures += 1;
        tracing::warn!(%error, waiting = queue.waiting, "decisions cannot be recorded, trying again");
        if queue.closing {
            attempts_after_close += 1;
            if attempts_after_close == ATTEMPTS_AFTER_CLOSE {
                tracing::error!(
                    lost = queue.waiting,
                    "closing without a database: decisions are lost"
                );
                return false;
            }
        }
        drop(shared.wanted.wait_timeout(queue, pause));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    let mut queue = shared.queue();
    queue.written += u64::from(block.count);
    queue.waiting -= usize::try_from(block.count).unwrap_or(queue.waiting).min(queue.waiting);
    queue.oldest = queue.rulings.front().map(|next| next.since);
    drop(queue);
    shared.written.notify_all();
    true
}

/// The sentences of the matrix, each written once.
#[derive(Default)]
struct Reasons {
    version: u32,
    texts: HashMap<u64, String>,
}

impl Reasons {
    fn of<'r>(&'r mut self, ruling: &'r Ruling, decided: &'r crate::decision::Decided) -> &'r str {
        let version = ruling.matrix.version;
        if self.version != version || self.texts.len() >= MOST_REASONS {
            self.version = version;
            self.texts.clear();
        }
        match &decided.verdict {
            crate::decision::Verdict::Matrix(decision) => self
                .texts
                .entry(decision.code())
                .or_insert_with(|| ruling.matrix.matrix.explain(decision).to_string()),
            crate::decision::Verdict::Refused(reason) => reason,
        }
    }
}

/// Decisions in one block, unless one request has more.
pub(super) const MOST: usize = 32_768;

const MOST_REASONS: usize = 100_000;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const ATTEMPTS_AFTER_CLOSE: u32 = 5;
