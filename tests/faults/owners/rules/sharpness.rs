//! A test of the rules: each must detect the violation that it forbids, made in the database of a real run.

use std::sync::mpsc;

use portcullis_testkit::TestDatabase;

use super::broken;
use crate::environment::{folder, start};
use crate::history::SEED;
use crate::link::Link;
use crate::owners::{BASE_URL, Connection, Owner};

/// A violation, a change of the database that makes it and, done again, takes it back, and a part of the report.
const FORBIDDEN: [(&str, &str, &str); 4] = [
    (
        "an account that has a factor and does not require it",
        "UPDATE accounts SET mfa_enabled = NOT mfa_enabled",
        "owner-0 0 1 0",
    ),
    (
        "a code that was accepted twice",
        "UPDATE security_events SET outcome = CASE outcome WHEN 'success' THEN 'wrong_code'
             WHEN 'wrong_code' THEN 'success' ELSE outcome END WHERE kind IN ('sign_in', 'step_up')",
        " 2 times",
    ),
    (
        "a refused code that was accepted",
        "UPDATE security_events SET outcome = CASE outcome WHEN 'success' THEN 'wrong_code'
             WHEN 'wrong_code' THEN 'success' ELSE outcome END WHERE kind IN ('sign_in', 'step_up')",
        "Refused",
    ),
    (
        "an acknowledged confirmation that left nothing but its session",
        "UPDATE security_events SET outcome = CASE outcome WHEN 'success' THEN 'invalid'
             ELSE 'success' END WHERE kind = 'factor_added'",
        "AppConfirmation Done",
    ),
];

#[test]
fn each_violation_is_detected() {
    let (database, data) = (TestDatabase::sqlite(), folder());
    let server = start(data.path(), database.url(), &[BASE_URL]);
    let link = Link::to(server.origin());
    let mut owners = [Owner::register(&link, 0, SEED)];
    let connection = Connection { link: &link, progress: mpsc::channel().0 };
    owners[0].live_with_app(&connection).expect("a server without a fault answers");
    assert_eq!(broken(&database, &owners), Vec::<String>::new());
    let execute = |sql: &str| database.store().execute(sql).expect("the database answers");
    for (violation, forgery, reported) in FORBIDDEN {
        execute(forgery);
        let found = broken(&database, &owners);
        assert!(found.iter().any(|it| it.contains(reported)), "{violation}: {found:?}");
        execute(forgery);
    }
    assert_eq!(broken(&database, &owners), Vec::<String>::new());
}
