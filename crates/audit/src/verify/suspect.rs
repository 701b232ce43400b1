//! Determines the change that was made to entries that do not fit their links.
//!
//! A suspect entry was changed at its place, or it is genuine and at a wrong place. A genuine entry
//! fits its link at exactly one place, after exactly one link, so trying finds its original place:
//! the places of the other suspects, and the neighbouring places, in case all later entries were
//! renumbered to hide a gap or to make room.

use crate::chain::ContentDigest;
use crate::{AuditKeys, ChainId, EntryId, Link};

use super::report::{Fault, FaultKind};

/// An entry that does not fit its link.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) sequence: u64,
    pub(super) link: Link,
    pub(super) content: ContentDigest,
    /// The links that may have come before it; none after a gap.
    pub(super) before: Vec<Link>,
    pub(super) entry: Option<EntryId>,
}

/// A run of consecutive suspects.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// At least one, and at most [`Run::MAX_KEPT`]; the run may be longer.
    pub(super) suspects: Vec<Suspect>,
    pub(super) last_sequence: u64,
    /// Set if no entry after them fits.
    pub(super) is_open: bool,
}

impl Run {
    /// The maximum of suspects that are kept to determine the change.
    pub(super) const MAX_KEPT: usize = 16;

    /// Determines the fault of this run, given all runs of the chain.
    pub(super) fn fault(
        &self,
        keys: &[&AuditKeys],
        chain: ChainId,
        runs: &[Self],
    ) -> Option<Fault> {
        let first = self.suspects.first()?;
        let entry = first.entry;
        let fault = |kind, last| Fault { entry, ..Fault::of(kind).at(chain, first.sequence, last) };
        if let Some(belongs) = home(keys, chain, first, runs) {
            let kind = FaultKind::Reordered { belongs: Some(belongs) };
            return Some(fault(kind, first.sequence));
        }
        match self.shift(keys, chain) {
            Some(shift) if shift > 0 => {
                let last = first.sequence.saturating_add_signed(shift - 1);
                Some(Fault { entry: None, ..fault(FaultKind::Missing, last) })
            }
            Some(shift) => {
                let last = first.sequence.saturating_add_signed(-shift - 1);
                Some(fault(FaultKind::Inserted, last))
            }
            None if self.is_open && self.last_sequence > first.sequence => {
                Some(fault(FaultKind::Rebuilt, self.last_sequence))
            }
            None => Some(fault(FaultKind::Changed, self.last_sequence)),
        }
    }

    /// Returns the shift of the entries after the first suspect, if they were renumbered: positive
    /// if their original sequences were higher.
    fn shift(&self, keys: &[&AuditKeys], chain: ChainId) -> Option<i64> {
        let first = self.suspects.first().filter(|_| self.is_open)?;
        // Room was made: finds the entry whose original place is that of the first suspect.
        for suspect in self.suspects.iter().skip(1) {
            if first.before.iter().any(|link| suspect.fits(keys, chain, first.sequence, link)) {
                return Some(-distance(first.sequence, suspect.sequence)?);
            }
        }
        // A gap was closed: finds two neighbours that were neighbours before.
        let [.., before, suspect] = self.suspects.as_slice() else { return None };
        let fits = |shift: &i64| {
            let sequence = suspect.sequence.checked_add_signed(*shift);
            sequence.is_some_and(|sequence| suspect.fits(keys, chain, sequence, &before.link))
        };
        (1..=MAX_SHIFT).find(fits)
    }
}

impl Suspect {
    fn fits(&self, keys: &[&AuditKeys], chain: ChainId, sequence: u64, before: &Link) -> bool {
        keys.iter()
            .any(|keys| Link::next(keys, chain, sequence, before, &self.content) == self.link)
    }
}

/// Returns the place of another suspect, if this entry was originally written there.
fn home(keys: &[&AuditKeys], chain: ChainId, suspect: &Suspect, runs: &[Run]) -> Option<u64> {
    let all = || runs.iter().flat_map(|run| &run.suspects).take(2 * Run::MAX_KEPT);
    let places = all().filter(|place| place.sequence != suspect.sequence);
    places.map(|place| (place.sequence, &place.before)).find_map(|(sequence, before)| {
        let mut links = before.iter().chain(all().map(|other| &other.link));
        links.any(|link| suspect.fits(keys, chain, sequence, link)).then_some(sequence)
    })
}

fn distance(from: u64, to: u64) -> Option<i64> {
    i64::try_from(to.checked_sub(from)?).ok()
}

/// The maximum of removed entries that are searched after a renumbering.
const MAX_SHIFT: i64 = 2_000;
