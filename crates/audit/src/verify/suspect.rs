//! What was done to entries that do not fit their links.
//!
//! A suspect entry was changed where it is, or it is genuine and in the wrong place. A genuine entry
//! fits its link in exactly one place, after exactly one link, so the second can be found out by
//! trying: the places of the other suspects, and the places next to it, in case all later entries
//! were renumbered to hide a gap or to make room.

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

/// Suspects that follow one another.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// At least one, and at most [`Run::MAX_KEPT`]; there may have been more.
    pub(super) suspects: Vec<Suspect>,
    pub(super) last_sequence: u64,
    /// Whether no entry after them fits.
    pub(super) is_open: bool,
}

impl Run {
    /// How many suspects are kept to find out what was done to them.
    pub(super) const MAX_KEPT: usize = 16;

    /// What was done, given all runs of this chain.
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

    /// By how much the entries after the first suspect were renumbered: positive if they once had
    /// higher numbers.
    fn shift(&self, keys: &[&AuditKeys], chain: ChainId) -> Option<i64> {
        let first = self.suspects.first().filter(|_| self.is_open)?;
        // Made room for: the entry that was once at the place of the first suspect.
        for suspect in self.suspects.iter().skip(1) {
            if first.before.iter().any(|link| suspect.fits(keys, chain, first.sequence, link)) {
                return Some(-distance(first.sequence, suspect.sequence)?);
            }
        }
        // Closed up: two neighbours that were neighbours before.
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

/// The place of another suspect, if this one was written there.
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

/// How many removed entries are looked for behind a renumbering.
const MAX_SHIFT: i64 = 2_000;
