//! The parts of the API document that generated clients are built from: the ids of the operations.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::document::operations;

/// The first words of the ids.
const VERBS: [&str; 39] = [
    "activate",
    "answer",
    "change",
    "check",
    "compare",
    "confirm",
    "create",
    "delete",
    "disable",
    "disavow",
    "end",
    "export",
    "forget",
    "generate",
    "get",
    "introspect",
    "list",
    "refresh",
    "register",
    "remove",
    "rename",
    "replace",
    "replay",
    "report",
    "request",
    "resend",
    "reset",
    "retire",
    "revoke",
    "roll",
    "rotate",
    "search",
    "sign",
    "start",
    "step",
    "unlock",
    "update",
    "validate",
    "verify",
];

#[test]
fn every_operation_has_a_unique_id_of_a_verb_and_its_object() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().expect("an operation has an id").to_owned();
        let words = id.split(|letter: char| letter.is_ascii_uppercase());
        let verb = words.clone().next().unwrap_or_default();
        assert!(id.chars().all(|letter| letter.is_ascii_alphabetic()), "{method} {path}: {id}");
        assert!(VERBS.contains(&verb) && words.count() > 1, "{method} {path}: {id}");
        assert!(ids.insert(id), "{method} {path}: another operation has its id");
    }
}

#[test]
fn the_ids_are_these_ones() {
    let mut table = String::new();
    let mut rows: Vec<_> = operations()
        .into_iter()
        .map(|(method, path, operation)| (path, method.to_uppercase(), operation))
        .collect();
    rows.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    for (path, method, operation) in rows {
        let id = operation["operationId"].as_str().unwrap_or_default();
        writeln!(table, "{id:<24} {method} {path}").expect("a text takes every line");
    }
    insta::assert_snapshot!(table);
}
