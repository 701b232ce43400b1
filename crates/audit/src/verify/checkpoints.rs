//! Verification of the checkpoints: signatures, order, heads, and purges.

use std::collections::BTreeMap;

use super::report::{Fault, FaultKind};
use crate::{AuditKeys, ChainId, Checkpoint, Coverage, Fingerprint, Head, heads};

/// A stored checkpoint, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The number of its row.
    pub number: u64,
    /// The text of [`Checkpoint::to_file`].
    pub file: String,
}

/// The trusted checkpoints, and the faults of the others.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    pub(super) stored: Vec<Checkpoint>,
    pub(super) held: Vec<Checkpoint>,
    pub(super) faults: Vec<Fault>,
    /// The coverage of the last checkpoint, if no checkpoint is missing.
    coverage: Option<Coverage>,
    /// The index of the current key. As in a chain, a former key is not accepted after a change.
    key: usize,
}

impl Checkpoints {
    /// Checks the stored checkpoints, in the order of their numbers, and those kept elsewhere.
    pub(super) fn check(
        keys: &[&AuditKeys],
        stored: &[StoredCheckpoint],
        held: &[Checkpoint],
    ) -> Self {
        let mut checked = Self { coverage: Some(Coverage::default()), ..Self::default() };
        let mut before = LastCheckpoint::Nothing;
        for found in stored {
            before = checked.check_stored(keys, found, before);
        }
        for checkpoint in held {
            checked.check_held(keys, checkpoint, before.number());
        }
        checked.held.sort_by_key(Checkpoint::number);
        checked
    }

    fn check_stored(
        &mut self,
        keys: &[&AuditKeys],
        found: &StoredCheckpoint,
        before: LastCheckpoint,
    ) -> LastCheckpoint {
        let expected = before.number().saturating_add(1);
        if found.number > expected {
            self.report(FaultKind::CheckpointMissing, expected);
            self.coverage = None;
        }
        let intact = Checkpoint::from_file(&found.file)
            .ok()
            .filter(|checkpoint| checkpoint.number() == found.number && found.number >= expected)
            .filter(|checkpoint| found.number > expected || before.leads_to(checkpoint));
        let signed = intact.and_then(|it| signer(keys, self.key, &it).map(|key| (it, key)));
        let Some((checkpoint, key)) = signed else {
            self.report(FaultKind::BadCheckpoint, found.number);
            self.coverage = None;
            return LastCheckpoint::Damaged(found.number.max(before.number()));
        };
        let digest = checkpoint.digest();
        self.key = key;
        self.compare_coverage(&checkpoint);
        self.stored.push(checkpoint);
        LastCheckpoint::Intact(found.number, digest)
    }

    /// Compares the digest of all heads with the heads that this checkpoint and those before it
    /// list.
    fn compare_coverage(&mut self, checkpoint: &Checkpoint) {
        if self.coverage.is_none() && checkpoint.lists_every_chain() {
            self.coverage = Some(Coverage::default());
        }
        let Some(coverage) = &mut self.coverage else { return };
        coverage.follow(checkpoint);
        if checkpoint.coverage().is_some_and(|digest| digest != coverage.digest()) {
            self.report(FaultKind::Uncovered, checkpoint.number());
            self.coverage = None;
        }
    }

    fn check_held(&mut self, keys: &[&AuditKeys], held: &Checkpoint, last_stored: u64) {
        let number = held.number();
        let twin = self.stored.iter().find(|stored| stored.number() == number);
        let is_signed = signer(keys, 0, held).is_some();
        if !is_signed || twin.is_some_and(|twin| twin.digest() != held.digest()) {
            self.report(FaultKind::BadCheckpoint, number);
        }
        if number > last_stored {
            self.report(FaultKind::RolledBack, number);
        }
        if is_signed {
            self.held.push(held.clone());
        }
    }

    /// Returns the heads that each chain must have had, in the order of their sequences.
    pub(super) fn expected(&self) -> BTreeMap<ChainId, Vec<ExpectedHead>> {
        let mut expected: BTreeMap<ChainId, Vec<ExpectedHead>> = BTreeMap::new();
        for checkpoint in self.all() {
            for head in checkpoint.heads() {
                let checkpoint = checkpoint.number();
                expected
                    .entry(head.chain)
                    .or_default()
                    .push(ExpectedHead { head: *head, checkpoint });
            }
        }
        for heads in expected.values_mut() {
            heads.sort_by_key(|expected| (expected.head.sequence, expected.checkpoint));
            heads.dedup_by_key(|expected| expected.head); // stored and kept elsewhere as well
        }
        expected
    }

    /// Returns the checkpoint up to which the checkpoints state a purge.
    pub(super) fn purged_to(&self) -> Option<u64> {
        self.all().into_iter().filter_map(Checkpoint::purged_to).max()
    }

    /// Returns the heads of the chains at the checkpoint with this number.
    pub(super) fn heads(&self, number: Option<u64>) -> BTreeMap<ChainId, Head> {
        let heads = number.map(|number| heads::up_to(self.all(), number)).unwrap_or_default();
        heads.into_iter().map(|head| (head.chain, head)).collect()
    }

    /// Returns all, in the order of their numbers: for each chain the latest one counts.
    fn all(&self) -> Vec<&Checkpoint> {
        let mut all: Vec<_> = self.stored.iter().chain(&self.held).collect();
        all.sort_by_key(|checkpoint| checkpoint.number());
        all
    }

    fn report(&mut self, kind: FaultKind, checkpoint: u64) {
        self.faults.push(Fault { checkpoint: Some(checkpoint), ..Fault::of(kind) });
    }
}

/// A head that a chain must have had, and the checkpoint that lists it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExpectedHead {
    pub(super) head: Head,
    pub(super) checkpoint: u64,
}

/// The checkpoint that was read last.
#[derive(Clone, Copy)]
enum LastCheckpoint {
    Nothing,
    Damaged(u64),
    Intact(u64, Fingerprint),
}

impl LastCheckpoint {
    const fn number(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Damaged(number) | Self::Intact(number, _) => number,
        }
    }

    /// Returns whether the next checkpoint follows this one, as far as that is known.
    fn leads_to(self, next: &Checkpoint) -> bool {
        match self {
            Self::Nothing | Self::Damaged(_) => true,
            Self::Intact(_, digest) => next.previous() == Some(digest),
        }
    }
}

/// Returns the index of the key that signed the checkpoint, from `from` on.
fn signer(keys: &[&AuditKeys], from: usize, checkpoint: &Checkpoint) -> Option<usize> {
    let fits = |keys: &&AuditKeys| checkpoint.verify(&keys.checkpoint_key()).is_ok();
    keys.iter().skip(from).position(fits).map(|index| index.saturating_add(from))
}
