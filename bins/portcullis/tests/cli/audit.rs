//! Tests of `audit`: export, checkpoints and purge.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::{Machine, within};

#[test]
fn audit_export_writes_what_the_filters_leave() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let export =
        |more: &[&str]| machine.run(&[&["audit", "export"], more].concat()).exits_with(0).stdout;
    let kinds = |text: &str| {
        let entry = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        text.lines()
            .map(|line| entry(line)["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = kinds(&export(&[]));
    // Newest first, and the export itself is the newest.
    let expected = ["audit_exported", "account_created", "matrix_activated", "matrix_proposed"];
    assert_eq!(all, expected);
    assert_eq!(kinds(&export(&["--kind", "account_created"])), ["account_created"]);
    assert_eq!(export(&["--until", "2020-01-01"]), "");
    assert_eq!(export(&["--outcome", "denied"]), "");
    let csv = export(&["--format", "csv", "--kind", "account_created"]);
    assert_eq!(csv.lines().count(), 2);
    assert!(csv.starts_with("at,id,kind,") && csv.contains(",account_created,"), "{csv}");

    let file = machine.path("export.jsonl");
    let answer = machine.run(&["audit", "export", "--output", file.to_str().unwrap(), "--json"]);
    let answer = answer.exits_with(0).json();
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(answer["entries"], written.lines().count());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    machine.run(&["audit", "export", "--kind", "dance"]).exits_with(2);
    machine.run(&["audit", "export", "--format", "archive", "--kind", "sign_in"]).exits_with(2);
    let nowhere = ["audit", "export", "--output", "/no/such/folder/export"];
    assert!(machine.run(&nowhere).exits_with(1).stderr.contains("cannot write"));
}

#[test]
fn nothing_is_exported_or_purged_where_there_is_nothing() {
    let mut machine = Machine::new();
    for arguments in [
        &["audit", "export"][..],
        &["audit", "checkpoint"],
        &["audit", "purge", "--older-than", "1"],
    ] {
        let done = machine.run(arguments).exits_with(1);
        assert!(done.stderr.contains("no database yet"), "{}", done.stderr);
    }
    assert!(!machine.path("data").exists());
    machine.run(&["migrate"]).exits_with(0);
    machine.set("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    let done = machine.run(&["audit", "purge"]).exits_with(2);
    assert!(done.stderr.contains("audit.retention_days"), "{}", done.stderr);
    let answer = machine.run(&["audit", "purge", "--older-than", "1", "--json"]);
    assert_eq!(answer.exits_with(0).json(), json!({ "purged_to": null }));
    let done = machine.run(&["audit", "checkpoint"]).exits_with(1);
    assert!(done.stderr.contains("the audit log has no entry yet"), "{}", done.stderr);
}

#[test]
fn audit_checkpoint_prints_the_latest_when_nothing_has_happened_since() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let first = machine.run(&["audit", "checkpoint"]).exits_with(0).json();
    let again = machine.run(&["audit", "checkpoint", "--json"]).exits_with(0).json();
    assert_eq!((&first["checkpoint"]["number"], &first), (&1.into(), &again));
    let key = machine.run(&["audit", "public-key", "--json"]).exits_with(0).json();
    assert_eq!(key["public_key"], first["public_key"]);
    assert_eq!(key["fingerprint"], first["fingerprint"]);

    machine.create("bob", "rn", &[]).exits_with(0);
    let file = machine.path("checkpoint.json");
    let answer =
        machine.run(&["audit", "checkpoint", "--output", file.to_str().unwrap(), "--json"]);
    assert_eq!(answer.exits_with(0).json()["checkpoint"], 2);
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written["checkpoint"]["number"], 2);
}

/// Named pipes without a reader stand for a network directory that hangs.
#[test]
fn a_checkpoint_directory_that_hangs_does_not_delay_the_end() {
    let mut machine = Machine::new();
    let directory = machine.path("checkpoints");
    std::fs::create_dir(&directory).unwrap();
    let drafts = (1..=20).map(|number| directory.join(format!("checkpoint-{number}.json.partial")));
    assert!(Command::new("mkfifo").args(drafts).status().unwrap().success());
    machine.set("PORTCULLIS__AUDIT__CHECKPOINT_DIRECTORY", directory.to_str().unwrap());
    machine.set("PORTCULLIS__AUDIT__CHECKPOINT_EVERY_SECONDS", "1");
    let server = machine.serve();
    machine.create("ada", "rn", &[]).exits_with(0);
    machine.run(&["audit", "checkpoint"]).exits_with(0);
    server.stops_within(Duration::from_secs(10));
}

#[test]
fn a_running_server_puts_each_checkpoint_into_the_directory() {
    let mut machine = Machine::new();
    let directory = machine.path("checkpoints");
    machine.set("PORTCULLIS__AUDIT__CHECKPOINT_DIRECTORY", directory.to_str().unwrap());
    machine.set("PORTCULLIS__AUDIT__CHECKPOINT_EVERY_SECONDS", "1");
    let failed = machine.run(&["doctor", "--json"]).exits_with(1).json();
    let checks = failed["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "checkpoint files").unwrap();
    assert_eq!(check["status"], "failed");

    std::fs::create_dir(&directory).unwrap();
    machine.create("ada", "rn", &[]).exits_with(0);
    let server = machine.serve();
    let files = || std::fs::read_dir(&directory).unwrap().count();
    within(Duration::from_secs(20), || files() > 0);
    machine.create("bob", "rn", &[]).exits_with(0);
    machine.run(&["audit", "checkpoint"]).exits_with(0);
    server.stop();
    let first = directory.join("checkpoint-1.json");
    let latest = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).max();
    assert!(files() >= 2 && first.exists(), "{latest:?}");
    let held = latest.unwrap();
    machine.run(&["audit", "verify", "--checkpoint", held.to_str().unwrap()]).exits_with(0);
}
