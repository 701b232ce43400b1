//! The parts of the API document that generated clients are built from: the ids of the operations, and the
//! enumerations.

use std::collections::BTreeSet;
use std::fmt::Write;

use portcullis_testkit::contract;
use serde_json::Value;

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

#[test]
fn every_text_with_a_closed_list_of_words_is_an_enumeration() {
    let (mut open, mut enumerations) = (Vec::new(), 0);
    collect(contract::document(), "", &mut open, &mut enumerations);
    assert_eq!(open, [""; 0]);
    assert!(enumerations > 70, "{enumerations} enumerations");
}

/// Collects the places of texts without an enumeration whose pattern or description lists words.
fn collect(value: &Value, place: &str, open: &mut Vec<String>, enumerations: &mut usize) {
    match value {
        Value::Object(members) => {
            *enumerations += usize::from(members.contains_key("enum"));
            // The description of a parameter or of an array is beside its schema.
            let schema = ["schema", "items"].iter().find_map(|name| members.get(*name));
            let schema = schema.unwrap_or(value);
            let is_text = schema["type"] == "string" || schema["type"][0] == "string";
            let described = value["description"].as_str().unwrap_or_default();
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            let is_list = describes_words(described) || is_pattern_of_words(pattern);
            if is_text && schema["enum"].is_null() && is_list {
                open.push(place.to_owned());
            }
            for (name, member) in members {
                collect(member, &format!("{place}/{name}"), open, enumerations);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(number, item)| {
            collect(item, &format!("{place}/{number}"), open, enumerations);
        }),
        _ => {}
    }
}

/// True for a text with "`one` or `two`".
fn describes_words(text: &str) -> bool {
    let parts: Vec<&str> = text.split('`').collect();
    let mut lists = parts.windows(3).skip(1).step_by(2);
    lists.any(|part| part[1] == " or " && is_word(part[0]) && is_word(part[2]))
}

/// True for `^(one|two)$`.
fn is_pattern_of_words(pattern: &str) -> bool {
    let alternatives = pattern.strip_prefix("^(").and_then(|it| it.strip_suffix(")$"));
    alternatives.is_some_and(|it| it.split('|').all(is_word))
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

#[test]
fn a_list_of_words_is_recognised() {
    assert!(describes_words("The status: `live` or `ready`."));
    assert!(describes_words("`user`, `developer` or `service`"));
    assert!(!describes_words("The value as JSON, such as `30` or `[1]`, or `null`."));
    assert!(is_pattern_of_words("^(minute|hour|day)$"));
    assert!(!is_pattern_of_words("^[0-9a-f]{16}$"));
}
