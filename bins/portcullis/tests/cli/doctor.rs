//! Tests of `doctor`.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::configuration::{BROKEN_KEYS, broken};
use crate::machine::{Machine, within};

#[test]
fn doctor_names_every_fault_and_runs_what_still_can_run() {
    let machine = broken();
    let report = machine.run(&["doctor", "--json"]).exits_with(2).json();
    let checks = report["checks"].as_array().unwrap();
    let details: String =
        checks.iter().map(|check| check["detail"].as_str().unwrap().to_owned() + "\n").collect();
    for key in BROKEN_KEYS {
        assert!(details.contains(key), "{key} is not in\n{details}");
    }
    let status = |name: &str| {
        let check = checks.iter().find(|check| check["name"] == name).expect(name);
        check["status"].as_str().unwrap()
    };
    assert_eq!(status("database"), "ok");
    assert_eq!(status("data directory"), "ok");
    assert_eq!(status("secret key"), "skipped");
    assert_eq!(status("hashing"), "skipped");
    assert!(!machine.path("data").exists(), "a check changes nothing");
}

#[test]
fn doctor_names_several_failures_of_a_sound_configuration() {
    let mut machine = Machine::new();
    machine.run(&["migrate"]).exits_with(0);
    let data = machine.path("data");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(data.join("secret_key"), "short\n").unwrap();
    std::fs::set_permissions(data.join("secret_key"), std::fs::Permissions::from_mode(0o600))
        .unwrap();
    machine.set("DATABASE_URL", "postgres://user:hunter2@127.0.0.1:1/auth");
    let done = machine.run(&["doctor", "--json"]).exits_with(1);
    let report = done.json();
    let failed = report["checks"].as_array().unwrap().iter().filter(|c| c["status"] == "failed");
    let failed: BTreeSet<_> = failed.map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(failed, ["data directory", "database", "secret key"].into());
    assert!(!done.stdout.contains("hunter2"));
}

#[test]
fn doctor_finds_a_database_that_is_not_up_to_date() {
    let machine = Machine::new();
    let data = machine.path("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(data.join("portcullis.db"), "").unwrap();
    let text = machine.run(&["doctor"]).exits_with(1).stdout;
    assert!(text.contains("portcullis migrate"), "{text}");

    machine.run(&["migrate"]).exits_with(0);
    let text = machine.run(&["doctor"]).exits_with(0).stdout;
    assert!(text.contains("15") && text.contains("there is none yet, and setup is open"), "{text}");
}

#[test]
fn doctor_finds_a_database_of_a_newer_version() {
    let machine = Machine::new();
    machine.run(&["migrate"]).exits_with(0);
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')";
    machine.database().execute(newer).unwrap();
    let text = machine.run(&["doctor"]).exits_with(1).stdout;
    assert!(text.contains("has 29990101000000, which this version does not know"), "{text}");
    assert!(text.contains("skipped  audit log"), "{text}");
}

#[test]
fn doctor_says_which_job_of_which_server_fails() {
    let machine = Machine::new();
    let server = machine.serve();
    let text = || machine.run(&["doctor"]).exits_with(0).stdout;
    within(Duration::from_secs(20), || text().contains("17 are run"));
    server.stop();
    let fails = "UPDATE jobs SET failure = 'disk I/O error', failed_at = started_at + 1000000, \
                 succeeded_at = started_at WHERE name = 'sessions'";
    machine.database().execute(fails).expect("the database answers");
    assert!(text().contains("sessions failed at"), "{}", text());
    assert!(text().contains("disk I/O error"), "{}", text());
}
