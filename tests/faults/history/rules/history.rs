//! Rules that compare the database with the answers to the clients.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::history::client::{Client, LockoutTarget};
use crate::history::operation::{Kind, Operation, Outcome};
use crate::history::session::Session;
use crate::history::stored::{EventRow, Stored};

/// The kinds of the events that a sign-in may write beside its own, each at most once.
const BESIDE_A_SIGN_IN: [&str; 2] = ["sign_in_assessed", "new_device"];

pub(super) fn broken(stored: &Stored, clients: &[Client]) -> Vec<String> {
    let mut broken = untold(stored, clients);
    broken.extend(sessions(clients).filter_map(|session| broken_session(stored, session)));
    broken.extend(lost_failures(stored, clients));
    broken
}

/// A server that was told to stop has answered every operation that it did.
pub(super) fn done_without_an_answer(stored: &Stored, clients: &[Client]) -> Vec<String> {
    let events = stored.events.iter().map(|event| event.operation.as_str());
    let tokens = stored.tokens.values().map(|token| token.operation.as_str());
    let traces: BTreeSet<&str> = events.chain(tokens).collect();
    let unanswered = operations(clients).filter(|asked| asked.outcome == Outcome::Unknown);
    let done = unanswered.filter(|asked| traces.contains(asked.id.as_str()));
    done.map(|asked| format!("{} ({:?}) was done and not answered", asked.id, asked.kind)).collect()
}

/// An acknowledged operation is in the audit log once, an unanswered one at most once, and there are no
/// other entries.
fn untold(stored: &Stored, clients: &[Client]) -> Vec<String> {
    let mut trail = BTreeMap::<&str, Vec<&EventRow>>::new();
    for event in &stored.events {
        trail.entry(&event.operation).or_default().push(event);
    }
    let mut broken = Vec::new();
    for operation in operations(clients) {
        let events = trail.remove(operation.id.as_str()).unwrap_or_default();
        if !is_told(operation, &events) {
            let Operation { id, kind, outcome } = operation;
            broken.push(format!("{id} ({kind:?}, {outcome:?}) has {} events", events.len()));
        }
    }
    broken.extend(trail.keys().map(|id| format!("nobody asked for the event of {id}")));
    broken
}

fn is_told(operation: &Operation, events: &[&EventRow]) -> bool {
    // A sign-in may have an event of its assessment and one of a new device, which never occur alone.
    let (beside, events): (Vec<&EventRow>, Vec<&EventRow>) =
        events.iter().partition(|event| BESIDE_A_SIGN_IN.contains(&event.kind.as_str()));
    let kinds: BTreeSet<&str> = beside.iter().map(|event| event.kind.as_str()).collect();
    let is_sign_in = operation.kind == Kind::SignIn && !events.is_empty();
    if kinds.len() != beside.len() || (!beside.is_empty() && !is_sign_in) {
        return false;
    }
    let Some((kind, outcomes)) = operation.kind.event() else {
        // A rotation has no event. A sign-out that came true although its answer was lost has had
        // its event already, so that a second one has none; `shape` counts them by session.
        return events.iter().all(|event| event.kind == "sign_out") && events.len() <= 1;
    };
    let fits = |event: &&EventRow| event.kind == kind && outcomes.contains(&event.outcome.as_str());
    match &operation.outcome {
        Outcome::Refused => events.is_empty(),
        Outcome::Unknown => events.len() <= 1 && events.iter().all(fits),
        Outcome::Done(session) => match events.as_slice() {
            [event] => {
                fits(event) && session.as_ref().is_none_or(|session| *session == event.session)
            }
            _ => false,
        },
    }
}

/// Every acknowledged rotation is in the family tree, the current token is the one of the client, and the
/// session has ended if and only if the client ended it.
fn broken_session(stored: &Stored, session: &Session) -> Option<String> {
    let id = &session.id;
    let Some(row) = stored.sessions.get(id) else {
        return Some(format!("session {id} is gone"));
    };
    let parent_of = |token: &str| stored.tokens.get(token).map(|row| row.parent.as_str());
    for (presented, successor) in &session.rotations {
        if parent_of(successor) != Some(presented) {
            return Some(format!("session {id} has lost the rotation to {successor}"));
        }
    }
    let is_current = row.current == session.token;
    let may_be_ahead = session.may_be_ahead();
    let is_ahead = may_be_ahead && parent_of(&row.current) == Some(&session.token);
    if !is_current && !is_ahead {
        return Some(format!("session {id} has another live token than its client"));
    }
    match &row.end {
        None if session.has_ended() => Some(format!("session {id} is live again")),
        Some(reason) if !session.has_ended() && !session.may_end => {
            Some(format!("session {id} has ended by itself: {reason}"))
        }
        _ => None,
    }
}

/// No acknowledged failure is missing, and no failure is counted without an attempt. The database has no
/// names, so the counts are compared in order of size.
fn lost_failures(stored: &Stored, clients: &[Client]) -> Vec<String> {
    let lockout_targets = || clients.iter().flat_map(|client| &client.lockout_targets);
    let counted = descending(stored.failures.iter().copied());
    let acknowledged =
        descending(lockout_targets().map(|victim: &LockoutTarget| victim.acknowledged));
    let attempted = descending(lockout_targets().map(|victim| victim.attempted));
    let at = |counts: &[u32], index| counts.get(index).copied().unwrap_or(0);
    (0..counted.len().max(acknowledged.len()))
        .filter(|&index| {
            let range = at(&acknowledged, index)..=at(&attempted, index);
            !range.contains(&at(&counted, index))
        })
        .map(|index| format!("failure counter {index} of {} is wrong", counted.len()))
        .collect()
}

fn descending(counts: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut counts: Vec<u32> = counts.collect();
    counts.sort_unstable_by_key(|count| Reverse(*count));
    counts
}

fn operations(clients: &[Client]) -> impl Iterator<Item = &Operation> {
    clients.iter().flat_map(|client| &client.operations)
}

fn sessions(clients: &[Client]) -> impl Iterator<Item = &Session> {
    clients.iter().flat_map(|client| &client.sessions)
}
