//! Tests of `matrix replay`.

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::stricter_matrix;

/// 2,000 decisions for a resident, of which 750 would be denials under the stricter matrix, and a
/// file with that matrix.
fn recorded() -> (Machine, String) {
    let machine = Machine::new();
    machine.create("ada", "resident", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    let question = |number: usize| match number % 8 {
        0 | 1 => json!({ "resource": "notification", "action": "read" }),
        2 => json!({ "resource": "conflict", "action": "list" }),
        3 => json!({ "resource": "conflict", "action": "read",
                     "context": { "parties": ["a", "\u{e9}"], "attributes": { "ward": 3 } } }),
        _ => json!({ "resource": "settings", "action": "update", "context": { "owner_id": "o" } }),
    };
    let questions: Vec<Value> = (0..1000).map(question).collect();
    for _ in 0..2 {
        assert_eq!(server.check_batch(&token, &questions), 500);
    }
    // What waits to be recorded is recorded when it stops.
    server.stop();
    let file = machine.write("matrix.toml", &stricter_matrix());
    let file = file.to_str().unwrap().to_owned();
    (machine, file)
}

#[test]
fn replay_names_who_gains_and_loses_how_often_by_which_rule() {
    let (machine, file) = recorded();
    let report = machine.run(&["policy", "replay", &file, "--json"]).exits_with(0).json();
    assert_eq!(report["examined"], 2000);
    assert_eq!((&report["gained"], &report["lost"]), (&0.into(), &750.into()));
    let change = &report["changes"][0];
    assert_eq!((&change["resource"], &change["times"]), (&"notification".into(), &500.into()));
    assert_eq!((&change["gains"], &change["rule"]), (&false.into(), &"denied: no grant".into()));
    assert_eq!(change["subjects"].as_array().unwrap().len(), 1);

    let text = machine.run(&["policy", "replay", &file]).exits_with(0).stdout;
    assert!(text.contains("loses  resident  notification read  500 times  1 subjects"), "{text}");
    let later = ["policy", "replay", &file, "--json", "--from", "2100-01-01"];
    assert_eq!(machine.run(&later).exits_with(0).json()["examined"], 0);
    let both = ["policy", "replay", &file, "--from", "2100-01-01", "--days", "3"];
    machine.run(&both).exits_with(2);
    machine.run(&["policy", "replay", &file, "--from", "yesterday"]).exits_with(2);
}

#[test]
fn replay_of_an_export_equals_replay_of_the_database() {
    let (machine, file) = recorded();
    let export = machine.path("export.jsonl");
    let export = export.to_str().unwrap();
    machine.run(&["audit", "export", "--output", export]).exits_with(0);
    let from_database = machine.run(&["policy", "replay", &file, "--json"]).exits_with(0).json();

    // Anywhere: it needs nothing of the server.
    let elsewhere = Machine::new();
    let replay = ["policy", "replay", &file, "--log", export, "--json"];
    let from_export = elsewhere.run(&replay).exits_with(0).json();
    assert!(!elsewhere.path("data").exists());
    assert_eq!(from_export["examined"], 2000);
    for member in ["examined", "gained", "lost", "changes", "left_out"] {
        assert_eq!(from_export[member], from_database[member], "{member}");
    }
}

#[test]
fn replay_does_not_answer_from_half_an_export() {
    let (machine, file) = recorded();
    let lines = machine.run(&["audit", "export", "--kind", "permission_check"]).stdout;
    let cut = machine.write("cut.jsonl", &lines[..lines.len() - 20]);
    let replay = ["policy", "replay", &file, "--log", cut.to_str().unwrap()];
    let done = machine.run(&replay).exits_with(1);
    assert!(done.stdout.is_empty() && done.stderr.contains("line 2000"), "{}", done.stderr);
}
