//! `Verifier`: verifies an audit log from checkpoints, entries and the list of chains.

use std::collections::BTreeMap;

use portcullis_domain::Timestamp;

use crate::{AuditKeys, ChainId, Checkpoint, Head, StoredLink};

use super::StoredCheckpoint;
use super::chains::ChainVerifier;
use super::checkpoints::{Checkpoints, ExpectedHead};
use super::report::{Fault, FaultKind, Report};

/// Verifies an audit log that is read once, from the first entry to the last.
///
/// Memory grows with the number of chains and checkpoints, not with the number of entries.
#[derive(Debug)]
pub struct Verifier<'k> {
    keys: Vec<&'k AuditKeys>,
    checkpoints: Checkpoints,
    expected: BTreeMap<ChainId, Vec<ExpectedHead>>,
    purged: BTreeMap<ChainId, Head>,
    walks: BTreeMap<ChainId, ChainVerifier>,
    current: Option<ChainId>,
    faults: Vec<Fault>,
    report: Report,
}

impl<'k> Verifier<'k> {
    /// Starts with the checkpoints.
    ///
    /// `keys` are all keys that the audit log was written with, oldest first. `stored` are the
    /// checkpoints in the database, in the order of their numbers; `held` those kept elsewhere, of
    /// which the latest is enough.
    pub fn new(keys: &[&'k AuditKeys], stored: &[StoredCheckpoint], held: &[Checkpoint]) -> Self {
        let checkpoints = Checkpoints::check(keys, stored, held);
        let (last, held) = (checkpoints.stored.last(), checkpoints.held.last());
        let report = Report {
            checkpoints: u64::try_from(stored.len()).unwrap_or(u64::MAX),
            last_checkpoint: last.map(Checkpoint::number),
            last_checkpoint_at: last.map(Checkpoint::at),
            held_checkpoint: held.map(Checkpoint::number),
            purged_to: checkpoints.purged_to(),
            ..Report::default()
        };
        Self {
            keys: keys.to_vec(),
            expected: checkpoints.expected(),
            purged: checkpoints.heads(checkpoints.purged_to()),
            checkpoints,
            walks: BTreeMap::new(),
            current: None,
            faults: Vec::new(),
            report,
        }
    }

    /// Reports the checkpoints that are dated after `now`.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let ahead = |checkpoint: &&Checkpoint| checkpoint.at() > now + Checkpoint::CLOCK_TOLERANCE;
        let ahead = self.checkpoints.stored.iter().chain(&self.checkpoints.held).filter(ahead);
        let ahead: std::collections::BTreeSet<_> = ahead.map(Checkpoint::number).collect();
        let fault =
            |number| Fault { checkpoint: Some(number), ..Fault::of(FaultKind::FutureDated) };
        self.faults.extend(ahead.into_iter().map(fault));
        self
    }

    /// Reads the next entry. Entries come in the order of their chains, and within a chain in the
    /// order of their sequences.
    pub fn push(&mut self, stored: &StoredLink) {
        let chain = stored.chain;
        let is_back = self.current != Some(chain) && self.walks.contains_key(&chain);
        if is_back {
            let kind = FaultKind::Reordered { belongs: None };
            self.faults.push(Fault::of(kind).at(chain, stored.sequence, stored.sequence));
        }
        self.current = Some(chain);
        let Self { keys, walks, expected, purged, report, .. } = self;
        let walk = walks.entry(chain).or_insert_with(|| {
            let expected = expected.remove(&chain).unwrap_or_default();
            ChainVerifier::new(keys, chain, purged.remove(&chain), expected)
        });
        walk.step(keys, stored, report);
    }

    /// Ends with the list of chains. It must be read in the same snapshot as the entries.
    pub fn finish(mut self, heads: &[Head]) -> Report {
        let heads: BTreeMap<_, _> = heads.iter().map(|head| (head.chain, head)).collect();
        let empty = self.expected.keys().chain(heads.keys()).copied().collect::<Vec<_>>();
        for chain in empty {
            let Self { keys, walks, expected, purged, .. } = &mut self;
            walks.entry(chain).or_insert_with(|| {
                let expected = expected.remove(&chain).unwrap_or_default();
                ChainVerifier::new(keys, chain, purged.remove(&chain), expected)
            });
        }
        let proven = self.report.held_checkpoint.or(self.report.last_checkpoint);
        let proven = self.checkpoints.heads(proven);
        let mut faults = std::mem::take(&mut self.checkpoints.faults);
        faults.append(&mut self.faults);
        for (chain, walk) in std::mem::take(&mut self.walks) {
            let (end, found, unnamed) = walk.end(&self.keys, heads.get(&chain).copied());
            let known = proven.get(&chain).map_or(0, |head| head.entries);
            self.report.chains += u64::from(end.sequence > 0);
            self.report.unproven_tail += end.entries.saturating_sub(known);
            self.report.faults_in_all += unnamed;
            faults.extend(found);
        }
        faults.sort();
        self.report.faults_in_all += u64::try_from(faults.len()).unwrap_or(0);
        faults.truncate(Report::MAX_FAULTS);
        Report { faults, ..self.report }
    }
}
