//! Tests of the files in the data directory: modes and locations.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::machine::Machine;

/// Everything in the data directory, by name, with its mode.
fn modes(machine: &Machine) -> Vec<(String, u32)> {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut modes: Vec<_> = fs::read_dir(machine.path("data"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), mode(&entry.path())))
        .collect();
    modes.sort();
    modes
}

#[track_caller]
fn is_private(machine: &Machine, files: &[&str]) {
    let expected: Vec<_> = files.iter().map(|name| ((*name).to_owned(), 0o600)).collect();
    assert_eq!(modes(machine), expected);
}

const RUNNING: [&str; 4] =
    ["portcullis.db", "portcullis.db-shm", "portcullis.db-wal", "secret_key"];

#[test]
fn ten_new_servers_of_ten_keep_their_files_from_other_users() {
    for _ in 0..10 {
        let machine = Machine::new();
        let server = machine.serve();
        is_private(&machine, &RUNNING);
        server.stop();
    }
}

#[test]
fn whatever_command_comes_first_keeps_the_files_from_other_users() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    is_private(&machine, &["portcullis.db", "secret_key"]);
    let machine = Machine::new();
    machine.run(&["migrate"]).exits_with(0);
    is_private(&machine, &["portcullis.db"]);
    let machine = Machine::new();
    let matrix = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/access_matrix.toml");
    machine.run(&["policy", "activate", matrix]).exits_with(0);
    is_private(&machine, &["portcullis.db", "secret_key"]);
}

#[test]
fn a_command_that_only_reads_creates_no_database() {
    let machine = Machine::new();
    for looks in [
        &["doctor"][..],
        &["keys", "list"],
        &["keys", "shared-secret"],
        &["audit", "verify"],
        &["audit", "checkpoint"],
        &["audit", "export"],
        &["policy", "history"],
    ] {
        machine.run(looks);
        assert!(!machine.path("data").exists(), "{looks:?}");
    }
}

#[test]
fn files_that_other_users_can_open_are_named_by_doctor_and_closed_by_the_server() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    machine.run(&["doctor"]).exits_with(0);
    let path = machine.path("data/portcullis.db");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let told = machine.run(&["doctor"]).exits_with(1).stdout;
    assert!(told.contains("can open") && told.contains("chmod 600"), "{told}");
    machine.run(&["keys", "list"]).exits_with(0);
    assert_eq!(modes(&machine)[0], ("portcullis.db".to_owned(), 0o644), "to look changes nothing");

    let server = machine.serve();
    is_private(&machine, &RUNNING);
    let log = server.stop();
    assert!(log.contains("was open to other users") && log.contains("portcullis.db"), "{log}");
    machine.run(&["doctor"]).exits_with(0);
}

#[test]
fn a_stopped_server_or_worker_leaves_its_database_in_one_file() {
    let machine = Machine::new();
    let log = machine.path("data/portcullis.db-wal");
    let length = || fs::metadata(&log).map_or(0, |found| found.len());
    let server = machine.serve();
    assert_ne!(length(), 0, "a running server has a log");
    server.stop();
    assert_eq!(length(), 0);
    machine.work().stop();
    assert_eq!(length(), 0);
    machine.run(&["audit", "verify"]).exits_with(0);
}
