//! Tests of the reasons of decisions.

use std::fmt::Write;

use portcullis_access::{DecisionContext, Matrix};
use serde_json::{Value, json};

use crate::DEFAULT;

#[test]
fn a_reason_is_one_line_for_the_log() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    let mut log = String::new();
    for (role, resource, action, context) in [
        ("admin", "schedule", "read", DecisionContext::by("ann")),
        ("coordinator", "absence", "approve", DecisionContext::by("ann").owned_by("ben")),
        ("coordinator", "absence", "approve", DecisionContext::by("ann").owned_by("ann")),
        ("coordinator", "absence", "approve", DecisionContext::by("ann")),
        ("coordinator", "assignment", "read", DecisionContext::by("ann")),
        ("coordinator", "credential", "list", DecisionContext::by("ann")),
        ("clinical_staff", "person", "read", DecisionContext::by("ann")),
        ("coordinator", "swap", "create", DecisionContext::by("ann")),
        ("faculty", "swap_request", "read", DecisionContext::by("ann").owned_by("ben")),
        ("faculty", "swap_request", "read", DecisionContext::by("ann").between(&["ann"])),
        (
            "faculty",
            "swap_request",
            "approve",
            DecisionContext::by("ann").owned_by("ann").between(&["ann"]),
        ),
        ("msa", "settings", "update", DecisionContext::by("ann")),
        ("nobody", "settings", "update", DecisionContext::by("ann")),
    ] {
        let decision = matrix.decide_words(role, resource, action, &context);
        let reason = matrix.explain(&decision);
        writeln!(log, "{role} {resource} {action}: {reason}").unwrap();
    }
    insta::assert_snapshot!(log);
}

#[test]
fn a_reason_is_one_object_for_auditors() {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    let explain = |role, resource, action, context: DecisionContext<'_>| {
        let decision = matrix.decide_words(role, resource, action, &context);
        serde_json::to_value(matrix.explain(&decision)).unwrap()
    };
    let granted = explain("coordinator", "credential", "list", DecisionContext::by("ann"));
    assert_eq!(
        granted,
        json!({
            "allowed": true, "role": "coordinator", "resource": "credential", "action": "list",
            "reason": "granted",
            "rule": {
                "role": "faculty", "resource": "credential", "action": "list", "conditions": [],
                "line": line_of("\"procedure\", \"credential\", \"certification\", \"notification\""),
            },
            "path": ["coordinator", "faculty"],
        })
    );
    let unmet = explain("faculty", "person", "read", DecisionContext::by("ann"));
    assert_eq!(unmet["reason"], "conditions_unmet");
    assert_eq!(unmet["unmet"][0]["condition"], "own");
    assert_eq!(unmet["unmet"][0]["verdict"], "missing_context");
    assert_eq!(unmet["unmet"][0]["needs"], "an owner");
    assert_eq!(unmet["unmet"][0]["path"], json!(["faculty"]));
    let other = explain("faculty", "person", "read", DecisionContext::by("ann").owned_by("ben"));
    assert_eq!(other["unmet"][0]["verdict"], "fails");
    let unknown = explain("nobody", "person", "read", DecisionContext::by("ann"));
    assert_eq!(unknown["reason"], "unknown_role");
    assert_eq!(unknown["role"], Value::Null);
}

#[test]
fn a_decision_of_another_matrix_is_explained_without_harm() {
    let large = Matrix::parse(DEFAULT).unwrap();
    let small = Matrix::parse(
        "self_registration_role = 'a'\nresources = ['x']\nactions = ['y']\n[roles.a]\n\
         grants = [{ resources = ['x'], actions = ['y'] }]",
    )
    .unwrap();
    let foreign =
        large.decide_words("resident", "notification", "manage", &DecisionContext::by("ann"));
    assert_eq!(small.explain(&foreign).to_string(), "denied: unknown role");
    let ids = ("resident", "notification", "manage");
    let (role, resource, action) = (large.role(ids.0), large.resource(ids.1), large.action(ids.2));
    let decision = small.decide(
        role.unwrap(),
        resource.unwrap(),
        action.unwrap(),
        &DecisionContext::by("ann"),
    );
    assert!(!decision.is_allowed());
}

#[test]
fn a_decision_is_eight_bytes() {
    assert_eq!(size_of::<portcullis_access::Decision>(), 8);
}

fn line_of(text: &str) -> usize {
    DEFAULT.lines().position(|line| line.contains(text)).unwrap() + 1
}
