//! Tests of the rules: each rule must detect the violation that it forbids.

use std::time::Duration;

use super::broken;
use crate::trail::notes::{AnsweredDecision, ExpectedEvent, Notes};
use crate::trail::recorded::{Decision, Event, Recorded};

const WINDOW: Duration = Duration::from_millis(200);

/// A violation, and the change of the data that creates it.
type Forgery = (&'static str, fn(&mut Recorded, &mut Notes));

const FORBIDDEN: [Forgery; 10] = [
    ("a decision lost before one that is recorded", |recorded, _| {
        recorded.decisions.remove("a-2");
    }),
    ("losses further apart than the window", |recorded, notes| {
        notes.decisions[2].asked += WINDOW;
        notes.decisions[2].answered += WINDOW;
        recorded.decisions.remove("a-2");
        recorded.decisions.remove("a-3");
    }),
    ("another answer than was given", |recorded, _| {
        recorded.decisions.insert("a-1".to_owned(), vec![decision(false)]);
    }),
    ("an id of two answers", |_, notes| notes.decisions.push(told(1))),
    ("an id of two records", |recorded, _| {
        recorded.decisions.insert("a-1".to_owned(), vec![decision(true), decision(true)]);
    }),
    ("an acknowledged deed without its event", |recorded, _| recorded.events.clear()),
    ("an event that was written twice", |recorded, _| {
        recorded.events.insert("ada/0".to_owned(), vec![event("sign_in"), event("sign_in")]);
    }),
    ("an event of another kind", |recorded, _| {
        recorded.events.insert("ada/0".to_owned(), vec![event("sign_out")]);
    }),
    ("half of a deed that was not acknowledged", |recorded, notes| {
        notes.events[0].acknowledged = false;
        recorded.events.insert("ada/0".to_owned(), vec![event("session_displaced")]);
    }),
    ("an event that was written twice although nothing was acknowledged", |recorded, notes| {
        notes.events[0].acknowledged = false;
        recorded.events.insert("ada/0".to_owned(), vec![event("sign_in"), event("sign_in")]);
    }),
];

#[test]
fn the_rules_of_the_trail_notice_what_they_forbid() {
    for (name, forge) in FORBIDDEN {
        let (mut recorded, mut notes) = sound();
        forge(&mut recorded, &mut notes);
        let found = broken(&recorded, &notes, WINDOW);
        assert_ne!(found, Vec::<String>::new(), "{name} is not noticed");
    }
}

#[test]
fn the_rules_of_the_trail_allow_what_a_kill_may_do() {
    let (mut recorded, mut notes) = sound();
    assert_eq!(broken(&recorded, &notes, WINDOW), Vec::<String>::new());
    recorded.events.insert("ada/0".to_owned(), vec![event("session_displaced"), event("sign_in")]);
    assert_eq!(broken(&recorded, &notes, WINDOW), Vec::<String>::new());
    recorded.decisions.remove("a-3");
    recorded.decisions.remove("a-2");
    notes.events[0].acknowledged = false;
    recorded.events.clear();
    assert_eq!(broken(&recorded, &notes, WINDOW), Vec::<String>::new());
}

/// Three decisions of one run, a moment apart, and one deed; all recorded.
fn sound() -> (Recorded, Notes) {
    let notes = Notes {
        decisions: (1..=3).map(told).collect(),
        events: vec![ExpectedEvent { id: "ada/0".to_owned(), kind: "sign_in", acknowledged: true }],
    };
    let mut recorded = Recorded::default();
    for told in &notes.decisions {
        recorded.decisions.insert(told.id.clone(), vec![decision(true)]);
    }
    recorded.events.insert("ada/0".to_owned(), vec![event("sign_in")]);
    (recorded, notes)
}

fn told(ordinal: u32) -> AnsweredDecision {
    let asked = Duration::from_millis(10) * ordinal;
    let answered = asked + Duration::from_millis(5);
    AnsweredDecision {
        id: format!("a-{ordinal}"),
        resource: "schedule",
        allowed: true,
        asked,
        answered,
    }
}

fn decision(allowed: bool) -> Decision {
    Decision { resource: "schedule".to_owned(), allowed }
}

fn event(kind: &str) -> Event {
    Event { kind: kind.to_owned(), outcome: "success".to_owned() }
}
