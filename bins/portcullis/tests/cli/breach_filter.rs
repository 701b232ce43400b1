//! Tests of `breach-filter`, and of passwords that a filter file lists.

use sha1::{Digest, Sha1};

use crate::PASSWORD;
use crate::machine::Machine;

const FILTER: &str = "PORTCULLIS__PASSWORDS__BREACH_FILTER";

/// The lines of a list of these passwords.
fn lines(passwords: &[&str]) -> String {
    let digest = |typed: &&str| {
        let digest: [u8; 20] = Sha1::digest(typed).into();
        format!("{}:2\n", digest.map(|byte| format!("{byte:02X}")).concat())
    };
    let mut lines: Vec<String> = passwords.iter().map(digest).collect();
    lines.sort();
    lines.concat()
}

#[test]
fn a_listed_password_is_refused() {
    let mut machine = Machine::new();
    machine.write("list", &lines(&[PASSWORD, "a-quiet-heron-counts-9-boats"]));
    let built = machine.run(&["breach-filter", "build", "list", "--output", "filter", "--json"]);
    assert_eq!(built.exits_with(0).json()["entries"], 2);
    let shown = machine.run(&["breach-filter", "show", "filter", "--tries", "50", "--json"]);
    let shown = shown.exits_with(0).json();
    assert_eq!(shown["entries"], 2);
    assert!(shown["false_positive_rate"].as_f64().unwrap() < 0.000_2, "{shown}");

    let path = machine.path("filter");
    machine.set(FILTER, path.to_str().unwrap());
    let refused = machine.create("ada", "rn", &[]);
    assert_ne!(refused.code, 0);
    assert!(refused.stdout.contains("known from a data breach"), "{}", refused.stdout);
    machine.unset(FILTER);
    machine.create("ada", "rn", &[]).exits_with(0);
}

#[test]
fn a_list_comes_from_standard_input_too_and_its_faults_name_a_line() {
    let machine = Machine::new();
    let build = ["breach-filter", "build", "-", "--output", "filter"];
    machine.run_with_stdin(&build, &lines(&[PASSWORD])).exits_with(0);
    let faulty = format!("{}nonsense\n", lines(&[PASSWORD]));
    let refused = machine.run_with_stdin(&build, &faulty).exits_with(1);
    assert!(refused.stderr.contains("line 2 is no SHA-1"), "{}", refused.stderr);
    // The former file is still there.
    machine.run(&["breach-filter", "show", "filter", "--tries", "1"]).exits_with(0);
}

#[test]
fn a_server_does_not_start_without_its_filter() {
    let mut machine = Machine::new();
    machine.set(FILTER, "/nowhere/filter");
    for verb in [&["config", "check"][..], &["doctor"], &["serve"]] {
        let refused = machine.run(verb).exits_with(2);
        let text = refused.stdout + &refused.stderr;
        assert!(text.contains("names /nowhere/filter, which cannot be used"), "{verb:?}: {text}");
    }
    machine.write("filter", "no filter");
    let path = machine.path("filter");
    machine.set(FILTER, path.to_str().unwrap());
    machine.run(&["serve"]).exits_with(2);
}
