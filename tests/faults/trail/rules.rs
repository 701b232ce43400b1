//! The rules of the audit log that must hold after every fault. Each rule returns its violations as text.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::notes::{AnsweredDecision, ExpectedEvent, Notes};
use super::recorded::{Event, Recorded};

mod sharpness;

/// All violations; empty if every rule holds. The lost decisions of one run of the server must not be
/// further apart than the window.
pub(crate) fn broken(recorded: &Recorded, notes: &Notes, window: Duration) -> Vec<String> {
    let mut broken = reused(recorded, notes);
    broken.extend(notes.decisions.iter().filter_map(|told| recorded_otherwise(recorded, told)));
    broken.extend(notes.events.iter().filter_map(|deed| untold(recorded, deed)));
    for (chain, lost) in lost_by_chain(recorded, notes) {
        broken.extend(not_at_the_end(recorded, chain, &lost));
        broken.extend(too_far_apart(chain, &lost, window));
    }
    broken
}

/// The number of decisions that were answered and are not recorded.
pub(crate) fn lost(recorded: &Recorded, notes: &Notes) -> usize {
    lost_by_chain(recorded, notes).values().map(Vec::len).sum()
}

/// Every decision has its own id.
fn reused(recorded: &Recorded, notes: &Notes) -> Vec<String> {
    let mut ids = BTreeSet::new();
    let again = notes.decisions.iter().map(|told| &told.id).filter(|id| !ids.insert(*id));
    let again = again.map(|id| format!("{id} was given out twice"));
    let twice = recorded.decisions.iter().filter(|(_, decisions)| decisions.len() > 1);
    again.chain(twice.map(|(id, _)| format!("{id} is recorded twice"))).collect()
}

/// A recorded decision equals the request and its answer.
fn recorded_otherwise(recorded: &Recorded, told: &AnsweredDecision) -> Option<String> {
    let decision = recorded.decisions.get(&told.id)?.first()?;
    let same = decision.allowed == told.allowed && decision.resource == told.resource;
    let AnsweredDecision { id, resource, allowed, .. } = told;
    (!same).then(|| format!("{id} was {resource} {allowed} and is recorded as {decision:?}"))
}

/// What was acknowledged is in the audit log once; what was not, at most once. A sign-in is assessed, may be
/// from a new device and may end the oldest session of the account. These events are beside its own one and
/// never without it.
fn untold(recorded: &Recorded, deed: &ExpectedEvent) -> Option<String> {
    let ExpectedEvent { id, kind, acknowledged } = deed;
    let events = recorded.events.get(id).map_or(&[][..], Vec::as_slice);
    let own = |event: &&Event| event.kind == *kind && event.outcome == "success";
    let beside = |event: &&Event| {
        ["sign_in_assessed", "new_device", "session_displaced"].contains(&event.kind.as_str())
    };
    let is_told = match events.iter().filter(own).count() {
        0 => !acknowledged && events.is_empty(),
        1 => events.iter().filter(|event| !beside(event)).count() == 1,
        _ => false,
    };
    (!is_told).then(|| format!("{id} ({kind}, acknowledged: {acknowledged}): {events:?}"))
}

/// Decisions are recorded in their order, so only the last can be lost.
fn not_at_the_end(recorded: &Recorded, chain: &str, lost: &[&AnsweredDecision]) -> Option<String> {
    let in_chain = recorded.decisions.keys().map(|id| split(id));
    let kept = in_chain.filter(|(of, _)| *of == chain).map(|(_, ordinal)| ordinal).max()?;
    let gone = lost.iter().map(|told| split(&told.id).1).min()?;
    (gone < kept).then(|| format!("{chain}-{gone} is lost and {chain}-{kept} is not"))
}

/// The least time that can have passed between the decisions of the first and the last one lost.
fn too_far_apart(chain: &str, lost: &[&AnsweredDecision], window: Duration) -> Option<String> {
    let first_told = lost.iter().map(|told| told.answered).min()?;
    let last_asked = lost.iter().map(|told| told.asked).max()?;
    let apart = last_asked.saturating_sub(first_told);
    let count = lost.len();
    (apart > window).then(|| format!("{chain} has lost {count} decisions of {apart:?}"))
}

/// Each run of the server has its own chain.
fn lost_by_chain<'a>(
    recorded: &Recorded,
    notes: &'a Notes,
) -> BTreeMap<&'a str, Vec<&'a AnsweredDecision>> {
    let mut lost = BTreeMap::<_, Vec<_>>::new();
    for told in &notes.decisions {
        if !recorded.decisions.contains_key(&told.id) {
            lost.entry(split(&told.id).0).or_default().push(told);
        }
    }
    lost
}

/// The chain of a decision, and its number there.
fn split(id: &str) -> (&str, u64) {
    let (chain, ordinal) = id.split_once('-').expect("an id has two parts");
    (chain, ordinal.parse().expect("the second part is a number"))
}
