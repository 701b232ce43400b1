//! Tests of the replay of decisions.

use std::collections::BTreeMap;

use portcullis_access::replay::{LoggedDecision, Replay};
use portcullis_access::{DecisionContext, Matrix};
use portcullis_domain::Timestamp;

use crate::naive::{ReferenceMatrix, Row, contexts};
use crate::{DEFAULT, small};

#[test]
fn a_replay_equals_a_naive_evaluation() {
    let before = Matrix::parse(DEFAULT).unwrap();
    let changed = DEFAULT
        .replace("when = [\"party\", \"not_own\"]", "when = [\"party\"]")
        .replace("[\"conflict\", \"notification\"]", "[\"notification\"]");
    let after = Matrix::parse(&changed).unwrap();
    let naive = candidate();
    let mut replay = Replay::new(&after);
    let mut expected: BTreeMap<(String, bool), u64> = BTreeMap::new();
    let mut examined = 0;
    for role in before.roles() {
        for resource in before.resources() {
            for action in before.actions() {
                for context in contexts() {
                    let allowed =
                        before.decide_words(role, resource, action, &context).is_allowed();
                    replay.push(&logged((role, resource, action), context, allowed, examined));
                    examined += 1;
                    let now = naive.allows(role, resource, action, &context);
                    if now != allowed {
                        *expected
                            .entry((format!("{role} {resource} {action}"), now))
                            .or_default() += 1;
                    }
                }
            }
        }
    }
    let report = replay.finish();
    assert_eq!(report.examined, u64::try_from(examined).unwrap());
    let mut found: BTreeMap<(String, bool), u64> = BTreeMap::new();
    for change in &report.changes {
        let cell = format!("{} {} {}", change.role, change.resource, change.action);
        *found.entry((cell, change.gains)).or_default() += change.times;
    }
    assert_eq!(found, expected);
    let total = |gains: bool| -> u64 {
        expected.iter().filter(|((_, gained), _)| *gained == gains).map(|(_, times)| times).sum()
    };
    assert_eq!((report.gained, report.lost), (total(true), total(false)));
    assert!(report.gained > 0 && report.lost > 0 && report.left_out == 0);
}

/// The default matrix with the two changes that the test above makes, made by hand.
fn candidate() -> ReferenceMatrix {
    let mut naive = ReferenceMatrix::from_csv(include_str!("../access-matrix.csv"));
    for Row { role, resource, conditions, .. } in &mut naive.rows {
        if *conditions == ["party", "not_own"] {
            conditions.pop();
        }
        if role == "resident" && resource == "conflict" {
            "nothing".clone_into(resource);
        }
    }
    naive
}

#[test]
fn a_change_tells_who_how_often_when_and_by_which_rule() {
    let matrix = Matrix::parse(&small(
        "[roles.junior]\ngrants = [{ resources = ['door'], actions = ['read'], when = ['own'] }]",
    ))
    .unwrap();
    let mut replay = Replay::new(&matrix);
    let read = ("junior", "door", "read");
    let own = DecisionContext::by("ann").owned_by("ann");
    replay.push(&logged(read, own, false, 30));
    replay.push(&logged(read, own, false, 10));
    replay.push(&logged(read, DecisionContext::by("ben").owned_by("ben"), false, 20));
    replay.push(&logged(read, own, true, 5));
    replay.push(&logged(read, DecisionContext::by("ann").owned_by("ben"), false, 5));
    replay.push(&logged(read, DecisionContext::by("eve"), true, 40));
    replay.push(&logged(("junior", "cellar", "read"), DecisionContext::by("eve"), true, 50));
    replay.push(&logged(("junior", "attic", "read"), DecisionContext::by("eve"), true, 50));
    replay.push(&logged(("junior", "attic", "burn"), DecisionContext::by("eve"), false, 50));
    let report = replay.finish();
    assert_eq!((report.examined, report.gained, report.lost, report.left_out), (9, 3, 3, 0));
    insta::assert_snapshot!(serde_json::to_string_pretty(&report.changes).unwrap());
}

#[test]
fn subjects_beyond_a_hundred_are_counted_not_named() {
    let text = small("[roles.junior]\ngrants = [{ resources = ['door'], actions = ['read'] }]");
    let matrix = Matrix::parse(&text).unwrap();
    let mut replay = Replay::new(&matrix);
    for at in 0..500 {
        let subject = format!("s{}", at % 250);
        replay.push(&logged(("junior", "door", "read"), DecisionContext::by(&subject), false, at));
    }
    let report = replay.finish();
    let [change] = &report.changes[..] else { panic!("{:?}", report.changes) };
    assert_eq!((change.subjects.len(), change.times, change.times_by_others), (100, 500, 300));
    assert_eq!(change.first_at, Timestamp::from_micros(0));
    assert_eq!(change.last_at, Timestamp::from_micros(499));
}

#[test]
fn changes_beyond_ten_thousand_are_counted_only() {
    let text = small("[roles.junior]\ngrants = [{ resources = ['door'], actions = ['read'] }]");
    let matrix = Matrix::parse(&text).unwrap();
    let mut replay = Replay::new(&matrix);
    for at in 0..10_050 {
        let resource = format!("gone{at}");
        for _ in 0..2 {
            replay.push(&logged(
                ("junior", &resource, "read"),
                DecisionContext::by("ann"),
                true,
                at,
            ));
        }
    }
    let report = replay.finish();
    assert_eq!((report.changes.len(), report.left_out, report.lost), (10_000, 100, 20_100));
    assert!(report.changes.iter().all(|change| change.times == 2));
}

fn logged<'a>(
    (role, resource, action): (&'a str, &'a str, &'a str),
    context: DecisionContext<'a>,
    allowed: bool,
    at: i64,
) -> LoggedDecision<'a> {
    let DecisionContext { subject, owner, parties, attributes } = context;
    let at = Timestamp::from_micros(at);
    LoggedDecision { at, role, resource, action, subject, owner, parties, attributes, allowed }
}
