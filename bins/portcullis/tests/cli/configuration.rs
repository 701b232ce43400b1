//! Tests of the configuration: faults, sources and `config check`.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use crate::machine::Machine;

/// Wrong in six ways, two of them in a file.
pub(crate) fn broken() -> Machine {
    let mut machine = Machine::new();
    let file = machine.write(
        "broken.toml",
        "colour = \"red\"\n[passwords]\nmin_length = \"twelve\"\nmemory_kib = 1024\n",
    );
    machine.set("PORTCULLIS__CONFIG", file.to_str().unwrap());
    machine.set("PORTCULLIS__ENVIRONMENT", "production");
    machine.set("PORTCULLIS__SERVER__BASE_URL", "http://auth.example.org");
    machine.set("SECRET_KEY", "hunter2hunter2hunter2hunter2hunter2");
    machine.set("ADMIN_EMAIL", "you@example.org");
    machine.set("ADMIN_PASSWORD", "changeme");
    machine
}

pub(crate) const BROKEN_KEYS: [&str; 6] = [
    "admin.password",
    "colour",
    "passwords.memory_kib",
    "passwords.min_length",
    "server.base_url",
    "tokens.secret_key",
];

#[test]
fn config_check_names_every_fault_of_a_broken_configuration() {
    let done = broken().run(&["config", "check", "--json"]).exits_with(2);
    let report = done.json();
    assert_eq!(report["ok"], false);
    let faults = report["faults"].as_array().unwrap();
    let keys: BTreeSet<_> = faults.iter().map(|fault| fault["key"].as_str().unwrap()).collect();
    assert_eq!(keys, BROKEN_KEYS.into());
    for fault in faults {
        assert!(fault["source"].is_string() && !fault["remedy"].as_str().unwrap().is_empty());
    }

    let text = broken().run(&["config", "check"]).exits_with(2).stdout;
    for key in BROKEN_KEYS {
        assert!(text.contains(key), "{key} is not in\n{text}");
    }
    assert!(!text.contains("hunter2") && !text.contains("changeme"), "{text}");
}

#[test]
fn a_broken_configuration_stops_every_other_command() {
    for arguments in [&["serve"][..], &["migrate"], &["user", "import", "x.csv"], &[]] {
        let machine = broken();
        let done = machine.run(arguments).exits_with(2);
        assert!(done.stdout.is_empty(), "{}", done.stdout);
        for key in BROKEN_KEYS {
            assert!(done.stderr.contains(key), "{arguments:?}: {}", done.stderr);
        }
        assert!(!machine.path("data").exists());
    }
}

#[test]
fn wrong_usage_is_answered_in_json_too() {
    let machine = Machine::new();
    for arguments in [&["frobnicate", "--json"][..], &["user", "create", "--json"]] {
        let error = machine.run(arguments).exits_with(2).json();
        assert_eq!(error["error"]["kind"], "usage");
    }
    let error = machine.create("ada", "nurse", &[]).exits_with(2).json();
    assert!(error["error"]["problems"][0].as_str().unwrap().contains("choose one of admin"));
}

#[test]
fn migrate_says_what_it_applied_and_then_that_nothing_is_missing() {
    let machine = Machine::new();
    let first = machine.run(&["migrate", "--json"]).exits_with(0).json();
    assert!(!first["applied"].as_array().unwrap().is_empty());
    let second = machine.run(&["migrate", "--json"]).exits_with(0).json();
    assert!(second["applied"].as_array().unwrap().is_empty());
    let mode = std::fs::metadata(machine.path("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
