//! Verification of one chain, read from its start to its end.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::block::first_changed;
use crate::chain::{ContentDigest, digest};
use crate::{AuditKeys, ChainId, EntryId, Head, Link, StoredContent, StoredLink};

use super::checkpoints::ExpectedHead;
use super::report::{Fault, FaultKind, Report};
use super::suspect::{Run, Suspect};

/// The state of the verification of one chain.
#[derive(Debug)]
pub(super) struct ChainVerifier {
    chain: ChainId,
    /// The head before the first entry: of sequence 0, or of the purge.
    start: Head,
    /// The entry that was read last.
    end: Head,
    /// The links that may come before the next entry; none after a gap.
    before: Vec<Link>,
    /// The index of the current key. After a change of the secret the chain uses the next key,
    /// never an earlier one.
    key: usize,
    expected: Peekable<IntoIter<ExpectedHead>>,
    /// The last entry that a checkpoint confirms.
    confirmed: u64,
    /// The first and the last entry that retention should have removed.
    below_purge: Option<(u64, u64)>,
    runs: Vec<Run>,
    runs_in_all: u64,
    faults: Vec<Fault>,
}

impl ChainVerifier {
    /// Starts before the first entry. `purged` is the head up to which entries may be missing.
    pub(super) fn new(
        keys: &[&AuditKeys],
        chain: ChainId,
        purged: Option<Head>,
        expected: Vec<ExpectedHead>,
    ) -> Self {
        let genesis: Vec<_> = keys.iter().map(|keys| Link::genesis(keys, chain)).collect();
        let link = genesis.first().copied().unwrap_or(Link::from_bytes([0; 32]));
        let start = purged.unwrap_or(Head { chain, sequence: 0, entries: 0, link });
        Self {
            chain,
            start,
            end: start,
            before: purged.map_or(genesis, |head| vec![head.link]),
            key: 0,
            expected: expected.into_iter().peekable(),
            confirmed: start.sequence,
            below_purge: None,
            runs: Vec::new(),
            runs_in_all: 0,
            faults: Vec::new(),
        }
    }

    /// Reads one entry, and counts it in the report.
    pub(super) fn step(&mut self, keys: &[&AuditKeys], stored: &StoredLink, report: &mut Report) {
        let sequence = stored.sequence;
        if sequence <= self.start.sequence {
            let range = self.below_purge.get_or_insert((sequence, sequence));
            range.1 = range.1.max(sequence);
            return;
        }
        count(stored, report);
        if sequence <= self.end.sequence {
            let is_twin = sequence == self.end.sequence;
            let out_of_order = FaultKind::Reordered { belongs: None };
            let kind = if is_twin { FaultKind::Duplicated } else { out_of_order };
            return self.fault(kind, sequence, sequence);
        }
        let next = self.end.sequence.saturating_add(1);
        if sequence > next {
            self.fault(FaultKind::Missing, next, sequence - 1);
            self.before.clear();
        }
        let content = content(stored);
        if self.fits(keys, stored, &content) {
            self.accept(stored);
        } else {
            self.suspect(keys, stored, content);
        }
        (self.end.sequence, self.end.link) = (sequence, stored.link);
    }

    /// Returns whether the entry follows one of the links before it. An entry after a gap cannot be
    /// checked, and is not reported.
    fn fits(&mut self, keys: &[&AuditKeys], stored: &StoredLink, content: &ContentDigest) -> bool {
        let keys = keys.get(self.key..).unwrap_or_default();
        let Some(index) = sealing_key(keys, &self.before, stored, content) else {
            return self.before.is_empty();
        };
        self.key = self.key.saturating_add(index);
        true
    }

    fn accept(&mut self, stored: &StoredLink) {
        self.before.clear();
        self.before.push(stored.link);
        if let Some(run) = self.runs.last_mut() {
            run.is_open = false;
        }
        match &stored.content {
            StoredContent::Event(_) => self.end.entries = stored.sequence,
            StoredContent::Block(block) => {
                let before = block.first_ordinal.saturating_sub(1);
                self.end.entries = before.saturating_add(u64::from(block.count));
                if !block.is_consistent(self.chain) {
                    self.fault(FaultKind::Changed, stored.sequence, stored.sequence);
                }
            }
        }
        self.confirm(stored);
    }

    /// Compares an entry that fits its key with the checkpoint that ends at it, if any.
    fn confirm(&mut self, stored: &StoredLink) {
        let sequence = stored.sequence;
        while let Some(expected) = self.expected.next_if(|it| it.head.sequence <= sequence) {
            if expected.head.sequence < sequence {
                continue;
            }
            if expected.head.link == stored.link {
                self.confirmed = sequence;
            } else {
                let first = self.confirmed.saturating_add(1).min(sequence);
                let fault = Fault::of(FaultKind::Rewritten).at(self.chain, first, sequence);
                self.faults.push(Fault { checkpoint: Some(expected.checkpoint), ..fault });
                self.confirmed = sequence;
            }
        }
    }

    fn suspect(&mut self, keys: &[&AuditKeys], stored: &StoredLink, content: ContentDigest) {
        let (chain, sequence) = (self.chain, stored.sequence);
        let Some(keys) = keys.get(self.key) else { return };
        let right =
            self.before.first().map(|before| Link::next(keys, chain, sequence, before, &content));
        let before = std::mem::take(&mut self.before);
        self.before.push(stored.link);
        self.before.extend(right);
        if !self.runs.last().is_some_and(|run| run.is_open) {
            self.runs_in_all = self.runs_in_all.saturating_add(1);
            if self.runs.len() >= Report::MAX_FAULTS {
                return;
            }
            self.runs.push(Run { suspects: Vec::new(), last_sequence: sequence, is_open: true });
        }
        let Some(run) = self.runs.last_mut() else { return };
        run.last_sequence = sequence;
        if run.suspects.len() < Run::MAX_KEPT {
            let entry = entry(keys, stored);
            let link = stored.link;
            run.suspects.push(Suspect { sequence, link, content, before, entry });
        }
    }

    /// Ends the chain and compares it with its row in the list of chains; returns its end, the
    /// faults, and the number of further faults.
    pub(super) fn end(
        mut self,
        keys: &[&AuditKeys],
        head: Option<&Head>,
    ) -> (Head, Vec<Fault>, u64) {
        let ends_in_doubt = self.runs.last().is_some_and(|run| run.is_open);
        let runs = std::mem::take(&mut self.runs);
        self.faults.extend(runs.iter().filter_map(|run| run.fault(keys, self.chain, &runs)));
        if let Some((first, last)) = self.below_purge {
            self.fault(FaultKind::BelowPurge, first, last);
        }
        let last = self.end.sequence;
        let cut = self.expected.find(|expected| expected.head.sequence > last);
        if let Some(cut) = cut {
            let to = self.expected.by_ref().last().map_or(cut.head.sequence, |it| it.head.sequence);
            let fault = Fault::of(self.removal()).at(self.chain, last.saturating_add(1), to);
            self.faults.push(Fault { checkpoint: Some(cut.checkpoint), ..fault });
        }
        match head {
            None if last > self.start.sequence => {
                self.fault(FaultKind::Foreign, self.start.sequence.saturating_add(1), last);
            }
            Some(head) if head.sequence > last && cut.is_none() => {
                self.fault(self.removal(), last.saturating_add(1), head.sequence);
            }
            Some(head) if head.sequence < last && ends_in_doubt => {
                let beyond = head.sequence.saturating_add(1);
                self.faults.retain(|fault| fault.sequence < Some(beyond));
                self.fault(FaultKind::Inserted, beyond, last);
            }
            Some(head) if head.sequence <= last && !ends_in_doubt && !self.ends_at(head) => {
                self.fault(FaultKind::HeadChanged, last, last);
            }
            _ => {}
        }
        let unnamed = self.runs_in_all.saturating_sub(u64::try_from(runs.len()).unwrap_or(0));
        (self.end, self.faults, unnamed)
    }

    /// Returns whether the row states the end of the chain. The link of a chain without entries is
    /// not compared.
    fn ends_at(&self, head: &Head) -> bool {
        let is_empty = (head.sequence, head.entries) == (0, 0) && self.end.sequence == 0;
        is_empty || *head == self.end
    }

    fn removal(&self) -> FaultKind {
        let is_empty = self.end.sequence == self.start.sequence;
        if is_empty { FaultKind::ChainMissing } else { FaultKind::Truncated }
    }

    fn fault(&mut self, kind: FaultKind, first: u64, last: u64) {
        // More faults add no information.
        if self.faults.len() < Report::MAX_FAULTS {
            self.faults.push(Fault::of(kind).at(self.chain, first, last));
        } else {
            self.runs_in_all = self.runs_in_all.saturating_add(1);
        }
    }
}

/// Returns the index of the first of these keys with which the stored link seals the content after one of the
/// links `before` it.
pub(super) fn sealing_key(
    keys: &[&AuditKeys],
    before: &[Link],
    stored: &StoredLink,
    content: &ContentDigest,
) -> Option<usize> {
    keys.iter().position(|keys| {
        let next = |before| Link::next(keys, stored.chain, stored.sequence, before, content);
        before.iter().any(|before| next(before) == stored.link)
    })
}

fn count(stored: &StoredLink, report: &mut Report) {
    match &stored.content {
        StoredContent::Event(_) => report.events += 1,
        StoredContent::Block(block) => report.decisions += u64::from(block.count),
    }
}

/// Returns the digest of the content as it is stored now.
pub(super) fn content(stored: &StoredLink) -> ContentDigest {
    match &stored.content {
        StoredContent::Event(event) => digest(&event.payload()),
        StoredContent::Block(block) => digest(&block.payload),
    }
}

/// Returns the id of the entry; for a block the id of the first decision that was changed.
fn entry(keys: &AuditKeys, stored: &StoredLink) -> Option<EntryId> {
    match &stored.content {
        StoredContent::Event(event) => Some(EntryId::Event(event.id)),
        StoredContent::Block(block) => first_changed(keys, &block.payload).map(EntryId::Decision),
    }
}
