//! Tests of the lockout after failed sign-ins.

use portcullis_flows::sign_in::{SignInError, SignInRequest};

use crate::deployment::{Deployment, MINUTE, Node, SECOND, by_name, guess, refreshing};

#[test]
fn the_right_password_waits_like_a_wrong_one_and_then_passes() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    (0..5).for_each(|_| assert!(refused(&node, &guess("ada"))));
    assert!(refused(&node, &by_name("ada")));
    deployment.pass(59 * SECOND);
    assert!(refused(&node, &by_name("ada")));
    deployment.pass(SECOND);
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    (0..4).for_each(|_| assert!(refused(&node, &guess("ada"))));
    node.sign_in.sign_in(&by_name("ada")).unwrap();
}

#[test]
fn failures_count_by_the_account_and_not_by_how_its_name_was_typed() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    for typed in ["ada", "ADA", "ａｄａ", "ada@example.org", "Ada@EXAMPLE.org"] {
        assert!(refused(&node, &guess(typed)));
    }
    assert!(refused(&node, &by_name("ada")));
    assert_eq!(deployment.outcomes("sign_in"), ["locked 1", "wrong_password 5"]);
}

#[test]
fn names_that_nobody_has_are_counted_alike() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let spellings = [
        ["nobody", "NOBODY", "ｎｏｂｏｄｙ", "Nobody", "noBody"],
        [
            "no@body.example",
            "NO@body.example",
            "no@BODY.example",
            "No@body.example",
            "no@body.examplE",
        ],
        ["no body", "NO BODY", "No Body", "no BODY", "no bodY"],
    ];
    for spelling in spellings {
        deployment.database.store().execute("DELETE FROM security_events").unwrap();
        for typed in spelling.iter().chain(&spelling[..2]) {
            assert!(refused(&node, &guess(typed)));
        }
        let recorded = deployment.outcomes("sign_in");
        assert_eq!(recorded, ["locked 2", "unknown_account 5"], "{spelling:?}");
    }
}

#[test]
fn a_name_that_is_registered_later_starts_with_a_counter_of_its_own() {
    let deployment = Deployment::new();
    let node = deployment.node();
    (0..5).for_each(|_| assert!(refused(&node, &guess("ada"))));
    deployment.enrol("ada");
    node.sign_in.sign_in(&by_name("ada")).unwrap();
}

#[test]
fn the_stored_counters_do_not_tell_the_names() {
    let deployment = Deployment::new();
    let node = deployment.node();
    assert!(refused(&node, &guess("my-password-typed-as-name")));
    let stored = "sign_in_failures WHERE length(budget) = 32
                  AND instr(hex(budget), hex('password')) = 0";
    assert_eq!(deployment.count(stored), 1);
    let told = "security_events WHERE coalesce(user_agent, '') || address LIKE '%my-password%'";
    assert_eq!(deployment.count(told), 0);
}

#[test]
fn a_lock_ends_no_session_and_closes_no_other_account() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    deployment.enrol("grace");
    let node = deployment.node();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    (0..6).for_each(|_| assert!(refused(&node, &guess("ada"))));
    node.refresh.refresh(&refreshing(&signed_in)).unwrap();
    assert!(!node.refuses(signed_in.tokens.session.id));
    node.sign_in.sign_in(&by_name("grace")).unwrap();
}

#[test]
fn after_a_hundred_failures_no_waiting_helps() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    for _ in 0..100 {
        assert!(refused(&node, &guess("ada")));
        deployment.pass(15 * MINUTE);
    }
    deployment.pass(1_000_000 * MINUTE);
    assert!(refused(&node, &by_name("ada")));
}

/// The account cannot be signed in to, and nothing outside tells it from any other.
#[test]
fn a_damaged_hash_is_a_failed_sign_in_like_any_other() {
    for damaged in
        ["", "changed", "$2b$31$abcdefghijklmnopqrstuu", "$argon2id$v=19$m=19456,t=2,p=1$"]
    {
        let deployment = Deployment::new();
        deployment.enrol("ada");
        let node = deployment.node();
        let damage = format!("UPDATE accounts SET password_hash = '{damaged}'");
        deployment.database.store().execute(&damage).unwrap();
        for request in [by_name("ada"), guess("ada")].iter().cycle().take(7) {
            assert!(refused(&node, request), "{damaged:?}");
        }
        assert_eq!(deployment.outcomes("sign_in"), ["damaged_hash 5", "locked 2"], "{damaged:?}");
    }
}

fn refused(node: &Node, request: &SignInRequest) -> bool {
    matches!(node.sign_in.sign_in(request), Err(SignInError::Refused))
}
