//! Tests of the secret key: generation, change and acceptance.

use crate::machine::Machine;

const SECRET: &str = "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU";
const OTHER: &str = "h3TnW8cVb5QyM2kZr7XpD4sGfL9jN6aE";

#[test]
fn under_another_secret_nothing_is_written() {
    let mut machine = machine();
    let kid = kid(&machine);
    machine.set("SECRET_KEY", OTHER);
    refuses_everything(&machine, &kid);
    machine.set("SECRET_KEY", SECRET);
    machine.run(&["audit", "verify"]).exits_with(0);
    machine.serve();
}

#[test]
fn without_a_secret_none_is_made_for_data_that_has_one() {
    let mut machine = machine();
    let kid = kid(&machine);
    machine.unset("SECRET_KEY");
    refuses_everything(&machine, &kid);
    assert!(!machine.path("data/secret_key").exists());
}

#[test]
fn the_first_write_claims_the_data_and_a_read_does_not() {
    let mut machine = Machine::new();
    machine.run(&["migrate"]).exits_with(0);
    for looks in [&["keys", "list"][..], &["policy", "history"], &["audit", "verify"]] {
        assert_ne!(machine.run(looks).code, 0, "{looks:?}: there is no secret to look with");
    }
    assert!(!machine.path("data/secret_key").exists());
    machine.set("SECRET_KEY", SECRET);
    machine.run(&["policy", "history"]).exits_with(0);
    assert_eq!(rows(&machine, "secret_fingerprint"), "0");
    machine.run(&["audit", "export"]).exits_with(0);
    machine.set("SECRET_KEY", OTHER);
    machine.run(&["audit", "export"]).exits_with(1);
    machine.run(&["policy", "replay", "1"]).exits_with(1);
}

#[test]
fn under_another_secret_not_even_a_migration_is_made() {
    let mut machine = machine();
    let undo = "DROP TABLE outbox";
    machine.database().execute(undo).unwrap();
    let forget = "DELETE FROM __diesel_schema_migrations WHERE version = '20261121040000'";
    machine.database().execute(forget).unwrap();
    machine.set("SECRET_KEY", OTHER);
    let done = machine.create("eve", "rn", &[]).exits_with(1);
    assert!(done.stdout.contains("another SECRET_KEY"), "{}", done.stdout);
    let done = machine.run(&["migrate"]).exits_with(1);
    assert!(done.stderr.contains("another SECRET_KEY"), "{}", done.stderr);
    machine.unset("SECRET_KEY");
    machine.run(&["migrate"]).exits_with(1);
    assert!(!machine.path("data/secret_key").exists());
    let pending = machine.database().pending_migrations().unwrap();
    assert_eq!(pending.len(), 1, "{pending:?}");
}

#[test]
fn data_from_before_there_were_fingerprints_is_known_by_its_trail() {
    let mut machine = machine();
    machine.run(&["audit", "checkpoint"]).exits_with(0);
    machine.database().execute("DELETE FROM secret_fingerprint").unwrap();
    let undo = "DROP TABLE secret_fingerprint;
                DELETE FROM __diesel_schema_migrations WHERE version = '20261121080000'";
    machine.database().execute(undo).unwrap();
    machine.set("SECRET_KEY", OTHER);
    machine.create("eve", "rn", &[]).exits_with(1);
    machine.run(&["audit", "export"]).exits_with(1);
    machine.run(&["serve"]).exits_with(1);
    machine.run(&["migrate"]).exits_with(1);
    assert_eq!(machine.database().pending_migrations().unwrap().len(), 1, "nothing was written");
    machine.set("SECRET_KEY", SECRET);
    machine.create("eve", "rn", &[]).exits_with(0);
    assert_eq!(rows(&machine, "secret_fingerprint"), "1");
}

#[test]
fn doctor_misses_the_secret_of_the_data() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    machine.run(&["doctor"]).exits_with(0);
    std::fs::remove_file(machine.path("data/secret_key")).unwrap();
    let told = machine.run(&["doctor"]).exits_with(1).stdout;
    assert!(told.contains("there is none") && told.contains("accept-secret"), "{told}");
    machine.run(&["serve"]).exits_with(1);
}

#[test]
fn a_lost_secret_is_given_up_by_one_command_and_the_trail_says_so() {
    let mut machine = machine();
    machine.set("SECRET_KEY", OTHER);
    let report = machine.run(&["doctor", "--json"]).exits_with(1).json();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "secret of the data").unwrap();
    assert_eq!(check["status"], "failed");

    machine.run(&["keys", "accept-secret"]).exits_with(0);
    machine.create("bob", "rn", &[]).exits_with(0);
    drop(machine.serve().sign_in("bob"));
    let file = machine.write("former", &format!("{SECRET}\n"));
    machine.run(&["audit", "verify"]).exits_with(1);
    machine.run(&["audit", "verify", "--former-secret", file.to_str().unwrap()]).exits_with(0);
    let told = machine.run(&["audit", "export", "--kind", "secret_key_changed"]).exits_with(0);
    assert_eq!(told.stdout.lines().count(), 1, "{}", told.stdout);
    machine.set("SECRET_KEY", SECRET);
    machine.create("eve", "rn", &[]).exits_with(1);
}

#[test]
fn keys_of_a_database_that_is_not_there_are_neither_made_nor_retired() {
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__TOKENS__ALGORITHM", "EdDSA");
    for arguments in
        [&["keys", "rotate"][..], &["keys", "retire", "x"], &["user", "unlock", "--username", "x"]]
    {
        let done = machine.run(arguments).exits_with(1);
        assert!(done.stderr.contains("no database yet"), "{}", done.stderr);
    }
    assert!(!machine.path("data/portcullis.db").exists());
}

/// With data that was written under [`SECRET`].
fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.set("SECRET_KEY", SECRET);
    machine.set("PORTCULLIS__TOKENS__ALGORITHM", "EdDSA");
    machine.create("ada", "rn", &[]).exits_with(0);
    machine.run(&["keys", "rotate"]).exits_with(0);
    machine
}

fn kid(machine: &Machine) -> String {
    let list = machine.run(&["keys", "list", "--json"]).exits_with(0).json();
    list["keys"][0]["kid"].as_str().unwrap().to_owned()
}

#[track_caller]
fn refuses_everything(machine: &Machine, kid: &str) {
    let tables =
        ["accounts", "security_events", "signing_keys", "matrix_versions", "secret_fingerprint"];
    let rows = || tables.map(|table| rows(machine, table));
    let before = rows();
    machine.create("eve", "rn", &[]).exits_with(1);
    let import = machine.write("import.csv", "username,email,password_hash\n");
    machine.import(&import, &[]).exits_with(1);
    for arguments in [
        &["keys", "rotate", "--now"][..],
        &["keys", "retire", kid],
        &["user", "unlock", "--username", "ada"],
        &["audit", "checkpoint"],
        &["audit", "export"],
        &["audit", "purge", "--older-than", "1"],
        &["policy", "rollback"],
        &["policy", "history"],
        &["migrate"],
        &["serve"],
    ] {
        let done = machine.run(arguments).exits_with(1);
        assert!(done.stderr.contains("SECRET_KEY"), "{arguments:?}: {}", done.stderr);
    }
    assert_eq!(rows(), before);
}

fn rows(machine: &Machine, table: &str) -> String {
    let count = format!("SELECT CAST(count(*) AS text) FROM {table}");
    machine.database().texts(&count).unwrap().remove(0)
}
