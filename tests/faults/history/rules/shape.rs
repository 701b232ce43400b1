//! Rules of the database alone: no write is partial.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::stored::{EventRow, SessionRow, Stored};

/// The text of a missing id.
const NONE: &str = "-";

pub(super) fn broken(stored: &Stored) -> Vec<String> {
    let mut broken = Vec::new();
    broken.extend(second_successors(stored));
    broken.extend(broken_chains(stored));
    broken.extend(without_event(stored));
    broken.extend(events_of_nothing(stored));
    broken
}

/// A refresh token has at most one successor.
fn second_successors(stored: &Stored) -> Vec<String> {
    let mut parents = BTreeSet::new();
    let successors = stored.tokens.values().filter(|token| token.parent != NONE);
    successors
        .filter(|token| !parents.insert(&token.parent))
        .map(|token| format!("token {} has two successors", token.parent))
        .collect()
}

/// The tokens of a session are one line that ends in its one current token.
fn broken_chains(stored: &Stored) -> Vec<String> {
    let mut lengths = BTreeMap::<&str, usize>::new();
    for token in stored.tokens.values() {
        *lengths.entry(&token.session).or_default() += 1;
    }
    let whole = |(id, session): &(&String, &SessionRow)| {
        let line = line(stored, id, &session.current);
        let parent = line.get(1).copied().unwrap_or(NONE);
        !line.is_empty()
            && lengths.get(id.as_str()) == Some(&line.len())
            && session.previous == parent
    };
    let sessions = stored.sessions.iter().filter(|session| !whole(session));
    let strays = lengths.keys().filter(|id| !stored.sessions.contains_key(**id));
    let sessions = sessions.map(|(id, _)| format!("the tokens of session {id} are no line"));
    sessions.chain(strays.map(|id| format!("tokens of no session {id}"))).collect()
}

/// A token and its ancestors within the session.
fn line<'a>(stored: &'a Stored, session: &str, token: &'a str) -> Vec<&'a str> {
    let mut line = Vec::new();
    let mut next = token;
    while let Some(row) = stored.tokens.get(next).filter(|row| row.session == session) {
        if line.len() > stored.tokens.len() {
            return Vec::new();
        }
        line.push(next);
        next = &row.parent;
    }
    line
}

/// Every account has been registered once, every session opened once, and every session that was
/// ended by its owner was ended once.
fn without_event(stored: &Stored) -> Vec<String> {
    let accounts = count(stored, |event| of(event, "registration").then_some(&event.subject));
    let opened = count(stored, |event| of(event, "sign_in").then_some(&event.session));
    let ended = count(stored, |event| of(event, "sign_out").then_some(&event.session));
    let accounts = stored.accounts.iter().filter(|id| accounts.get(id.as_str()) != Some(&1));
    let sessions = stored.sessions.iter();
    let unopened = sessions.clone().filter(|(id, _)| opened.get(id.as_str()) != Some(&1));
    let unended = sessions.filter(|(id, session)| {
        let by_owner = session.end.as_deref() == Some("sign_out");
        ended.get(id.as_str()).copied().unwrap_or(0) != usize::from(by_owner)
    });
    let accounts = accounts.map(|id| format!("account {id} has not one event of registration"));
    let unopened = unopened.map(|(id, _)| format!("session {id} has not one event of sign-in"));
    let unended = unended.map(|(id, _)| format!("session {id}: its events and its end differ"));
    accounts.chain(unopened).chain(unended).collect()
}

/// No event refers to a missing account or session.
fn events_of_nothing(stored: &Stored) -> Vec<String> {
    let accounts: BTreeSet<&String> = stored.accounts.iter().collect();
    let is_there = |event: &&EventRow| {
        (event.subject == NONE || accounts.contains(&event.subject))
            && (event.session == NONE || stored.sessions.contains_key(&event.session))
    };
    let events = stored.events.iter().filter(|event| !is_there(event));
    events.map(|event| format!("the event of {} tells of nothing", event.operation)).collect()
}

fn of(event: &EventRow, kind: &str) -> bool {
    event.kind == kind && event.outcome == "success"
}

fn count<'a>(
    stored: &'a Stored,
    key: impl Fn(&'a EventRow) -> Option<&'a String>,
) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for found in stored.events.iter().filter_map(key) {
        *counts.entry(found.as_str()).or_default() += 1;
    }
    counts
}
