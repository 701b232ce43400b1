//! Tests of `audit verify`.

use std::path::PathBuf;

use serde_json::Value;

use crate::machine::{CommandResult, Machine};

/// An audit log of five accounts. An exported checkpoint covers three of them.
fn trail() -> (Machine, PathBuf) {
    let machine = Machine::new();
    for name in ["ada", "bob", "cyd"] {
        machine.create(name, "rn", &[]).exits_with(0);
    }
    let held = machine.path("held.json");
    machine.run(&["audit", "checkpoint", "--output", held.to_str().unwrap()]).exits_with(0);
    for name in ["dan", "eve"] {
        machine.create(name, "rn", &[]).exits_with(0);
    }
    (machine, held)
}

fn verify(machine: &Machine, more: &[&str]) -> CommandResult {
    machine.run(&[&["audit", "verify", "--json"], more].concat())
}

fn faults(report: &Value) -> Vec<&str> {
    let faults = report["faults"].as_array().unwrap();
    faults.iter().map(|fault| fault["fault"].as_str().expect("a word")).collect()
}

#[test]
fn an_untouched_trail_is_intact_and_its_tail_is_told() {
    let (machine, held) = trail();
    let held = held.to_str().unwrap();
    let report = verify(&machine, &["--checkpoint", held]).exits_with(0).json();
    assert_eq!((&report["intact"], &report["events"]), (&true.into(), &7.into()));
    assert_eq!((&report["held_checkpoint"], &report["unproven_tail"]), (&1.into(), &2.into()));
    let text = machine.run(&["audit", "verify"]).exits_with(0).stdout;
    assert!(text.contains("No checkpoint kept elsewhere was given"), "{text}");
}

#[test]
fn what_was_done_to_the_trail_by_sql_is_named() {
    for (sql, fault) in [
        ("UPDATE security_events SET outcome = 'denied' WHERE sequence = 4", "changed"),
        ("DELETE FROM security_events WHERE sequence = 4", "missing"),
        ("DELETE FROM security_events WHERE sequence > 4", "truncated"),
        ("DELETE FROM audit_checkpoints", "rolled_back"),
    ] {
        let (machine, held) = trail();
        machine.database().execute(sql).unwrap();
        let held = held.to_str().unwrap();
        let report = verify(&machine, &["--checkpoint", held]).exits_with(1).json();
        assert_eq!(report["intact"], false);
        assert!(faults(&report).contains(&fault), "{sql}: {report}");
        let done = machine.run(&["audit", "verify", "--checkpoint", held]).exits_with(1);
        assert!(done.stdout.contains("FAULT: "), "{}", done.stdout);
    }
}

#[test]
fn the_restore_of_an_older_backup_is_found_by_the_checkpoint_that_was_kept() {
    let (machine, _) = trail();
    let data = machine.path("data/portcullis.db");
    let copy = machine.path("backup.db");
    std::fs::copy(&data, &copy).unwrap();
    machine.create("fay", "rn", &[]).exits_with(0);
    let held = machine.path("latest.json");
    let held = held.to_str().unwrap();
    machine.run(&["audit", "checkpoint", "--output", held]).exits_with(0);
    for ending in ["db-wal", "db-shm"] {
        drop(std::fs::remove_file(data.with_extension(ending)));
    }
    std::fs::copy(&copy, &data).unwrap();

    verify(&machine, &[]).exits_with(0);
    let report = verify(&machine, &["--checkpoint", held]).exits_with(1).json();
    assert!(faults(&report).contains(&"rolled_back"), "{report}");
}

#[test]
fn an_archive_is_verified_elsewhere_with_the_secret_alone() {
    let (machine, held) = trail();
    let archive = machine.path("archive.jsonl");
    let archive = archive.to_str().unwrap();
    let export = ["audit", "export", "--format", "archive", "--output", archive];
    machine.run(&export).exits_with(0);
    let secret = machine.path("data/secret_key");

    let mut elsewhere = Machine::new();
    let verify_it = ["--archive", archive, "--checkpoint", held.to_str().unwrap()];
    let done = verify(&elsewhere, &verify_it).exits_with(2).json();
    assert_eq!(done["error"]["kind"], "unreadable");
    // The configuration has faults elsewhere, which do not matter here.
    elsewhere.set("PORTCULLIS__ENVIRONMENT", "production");
    elsewhere.set("SECRET_KEY_FILE", secret.to_str().unwrap());
    let report = verify(&elsewhere, &verify_it).exits_with(0).json();
    assert_eq!(report["events"], 8, "the export is an event, too");

    let text = std::fs::read_to_string(archive).unwrap();
    let changed = machine.write("changed.jsonl", &text.replacen("account_created", "sign_in", 1));
    let report = verify(&elsewhere, &["--archive", changed.to_str().unwrap()]).exits_with(1).json();
    assert_eq!(faults(&report), ["changed"]);
    assert!(!elsewhere.path("data").exists());
}

#[test]
fn what_cannot_be_read_is_no_verdict() {
    let (machine, _) = trail();
    let nonsense = machine.write("nonsense", "{}\n");
    let nonsense = nonsense.to_str().unwrap();
    for more in [
        ["--checkpoint", nonsense],
        ["--archive", nonsense],
        ["--former-secret", nonsense],
        ["--archive", "/no/such/file"],
    ] {
        let error = verify(&machine, &more).exits_with(2).json();
        assert_eq!(error["error"]["kind"], "unreadable", "{more:?}");
    }
    let mut other = Machine::new();
    other.set("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    assert!(verify(&other, &[]).exits_with(2).stdout.contains("no database yet"));
}

#[test]
fn a_trail_of_two_secrets_is_verified_with_both() {
    let (mut machine, _) = trail();
    machine.set("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    let report = verify(&machine, &[]).exits_with(1).json();
    assert!(faults(&report).contains(&"rebuilt"), "{report}");
    let doctor = machine.run(&["doctor"]).exits_with(1).stdout;
    assert!(doctor.contains("--former-secret"), "{doctor}");
    machine.run(&["keys", "accept-secret"]).exits_with(0);
    machine.create("fay", "rn", &[]).exits_with(0);
    let former = machine.path("data/secret_key");
    verify(&machine, &["--former-secret", former.to_str().unwrap()]).exits_with(0);
}

/// The attack: with write access and no key, make the server sign a checkpoint that covers less, export
/// it, and then cut what is older.
#[test]
fn what_is_older_than_an_exported_checkpoint_cannot_be_cut_whatever_the_tables_said_before() {
    let forged = "INSERT INTO audit_checkpoints (number, at, file) SELECT 2, at, replace(replace(
                  replace(file, '\"number\": 1', '\"number\": 2'),
                  '\"previous\": null', '\"previous\": \"' || '00000000000000000000000000000000' ||
                  '00000000000000000000000000000000' || '\"'),
                  '\"purged_to\": null', '\"purged_to\": 1') FROM audit_checkpoints";
    let covered = "UPDATE audit_checkpointed SET sequence = 9223372036854775807";
    let cut_end = "DELETE FROM security_events WHERE sequence > 5;
                   UPDATE audit_chains SET sequence = 5, entries = 5, link =
                   (SELECT link FROM security_events WHERE sequence = 5) WHERE id = 0";
    let cut_start = "DELETE FROM security_events WHERE sequence < 3";
    for (meddling, alarm, cut, fault) in [
        (covered, "coverage_changed", cut_end, "truncated"),
        (forged, "forged_checkpoint", cut_start, "missing"),
    ] {
        let (machine, _) = trail();
        machine.database().execute(meddling).unwrap();
        let path = machine.path("exported.json");
        let path = path.to_str().unwrap();
        machine.run(&["audit", "checkpoint", "--output", path]).exits_with(0);
        let told = machine.run(&["audit", "export", "--kind", "audit_alarm"]).exits_with(0).stdout;
        assert!(told.contains(alarm), "{told}");
        machine.database().execute(cut).unwrap();
        let report = verify(&machine, &["--checkpoint", path]).exits_with(1).json();
        assert!(faults(&report).contains(&fault), "{alarm}: {report}");
        assert_eq!(report["purged_to"], Value::Null, "{alarm}");
    }
}

#[test]
fn a_latest_checkpoint_that_was_dated_anew_is_named_and_stops_nothing() {
    let (machine, held) = trail();
    let latest =
        "UPDATE audit_checkpoints SET file = replace(file, '\"at\": \"20', '\"at\": \"30')";
    let path = machine.path("other.json");
    machine.run(&["audit", "checkpoint", "--output", path.to_str().unwrap()]).exits_with(0);
    machine.database().execute(&format!("{latest} WHERE number = 2")).unwrap();
    machine.create("fay", "rn", &[]).exits_with(0);
    machine.run(&["audit", "checkpoint", "--output", path.to_str().unwrap()]).exits_with(0);
    let exported: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(exported["checkpoint"]["number"], 3);
    let report = verify(&machine, &["--checkpoint", held.to_str().unwrap()]).exits_with(1).json();
    assert_eq!(faults(&report), ["bad_checkpoint"], "{report}");
}
