//! Tests of the rules: each rule must detect the violation that it forbids.

use portcullis_testkit::TestDatabase;

use crate::environment::server_on;
use crate::history::stored::Stored;
use crate::history::{check, clients};

/// A violation, and the change of the data that creates it.
type Forgery = (&'static str, fn(&mut Stored));

const FORBIDDEN: [Forgery; 9] = [
    ("an account without its event", |stored| forget_event(stored, "registration")),
    ("a sign-in without its event", |stored| forget_event(stored, "sign_in")),
    ("a sign-out without its event", |stored| forget_event(stored, "sign_out")),
    ("a reuse without its event", |stored| forget_event(stored, "refresh_token_reuse")),
    ("an event that was written twice", |stored| {
        let first = stored.events[0].clone();
        stored.events.push(first);
    }),
    ("a session that lives again", |stored| {
        let mut ended = stored.sessions.values_mut().filter(|session| session.end.is_some());
        ended.next().expect("some have ended").end = None;
    }),
    ("a token that lives again", |stored| {
        let mut rotated = stored.sessions.values_mut().filter(|row| row.previous != "-");
        let session = rotated.next().expect("some were rotated");
        session.current = std::mem::replace(&mut session.previous, "-".to_owned());
    }),
    ("a token with two successors", |stored| {
        let parent = stored.tokens.values().find(|token| token.parent != "-");
        let parent = parent.expect("some were rotated").parent.clone();
        let mut roots = stored.tokens.values_mut().filter(|token| token.parent == "-");
        roots.next().expect("every session has one").parent = parent;
    }),
    ("a failure that is forgotten", |stored| {
        stored.failures.pop().expect("some have failed");
    }),
];

#[test]
fn the_rules_notice_what_they_forbid() {
    let database = TestDatabase::sqlite();
    let (server, _data) = server_on(&database);
    let clients = clients(&server);
    check(&clients, &database, &server);
    for (name, forge) in FORBIDDEN {
        let mut stored = Stored::read(&database);
        forge(&mut stored);
        assert_ne!(super::broken(&stored, &clients), Vec::<String>::new(), "{name} is not noticed");
    }
}

fn forget_event(stored: &mut Stored, kind: &str) {
    let forgotten = stored.events.iter().position(|event| event.kind == kind);
    stored.events.remove(forgotten.expect("it has happened"));
}
