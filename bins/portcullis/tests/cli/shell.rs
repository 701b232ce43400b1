//! What the command line gives to shells, editors and the manual.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::machine::Machine;

#[test]
fn the_completions_are_a_script_of_the_shell_with_every_verb() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = machine.run(&["completions", shell]).exits_with(0).stdout;
        for word in ["calibrate", "end-sessions", "--keep-credentials"] {
            let word = if shell == "fish" { word.trim_start_matches("--") } else { word };
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let script = machine.run(&["completions", "bash"]).exits_with(0).stdout;
    let mut bash =
        Command::new("bash").args(["-n", "-s"]).stdin(Stdio::piped()).spawn().expect("bash");
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
    machine.run(&["completions", "cmd"]).exits_with(2);
    assert!(!machine.path("data").exists());
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let machine = Machine::new();
    let directory = machine.path("man");
    machine.run(&["man-pages", directory.to_str().unwrap()]).exits_with(0);
    for (page, text) in [
        ("portcullis.1", "Self\\-hosted authentication server"),
        ("portcullis-user-import.1", "portcullis user import users.csv"),
        ("portcullis-restore.1", "\\-\\-keep\\-credentials"),
    ] {
        let page = fs::read_to_string(directory.join(page)).expect(page);
        assert!(page.contains(text), "{page}");
    }
    let refused = machine.run(&["man-pages", "/proc/man"]).exits_with(1);
    assert!(refused.stderr.contains("/proc/man"), "{}", refused.stderr);
}

#[test]
fn the_schema_of_the_configuration_is_json_with_meanings() {
    let machine = Machine::new();
    let schema = machine.run(&["config", "schema", "--json"]).exits_with(0).json();
    let access = &schema["properties"]["tokens"]["properties"]["access_minutes"];
    assert_eq!((&access["type"], &access["default"]), (&"integer".into(), &30.into()));
    assert!(access["description"].as_str().unwrap().contains("1 to 1440"));
    let text = machine.run(&["config", "schema"]).exits_with(0).stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), schema);
}

#[test]
fn init_is_the_first_command_of_an_installation() {
    let machine = Machine::new();
    let directory = machine.path("new");
    let directory = directory.to_str().unwrap();
    machine.run(&["init", directory, "--matrix", "small"]).exits_with(0);
    let config = format!("{directory}/portcullis.toml");
    machine.run(&["--config", &config, "config", "check"]).exits_with(0);
    machine.run(&["init", directory, "--matrix", "small"]).exits_with(1);
}
