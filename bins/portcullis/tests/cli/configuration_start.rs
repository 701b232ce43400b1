//! Tests of `config show` and `config init`.

use crate::machine::Machine;

#[test]
fn every_setting_is_shown_with_its_source_and_no_secret() {
    let mut machine = Machine::new();
    machine.set("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    let file = machine.write("portcullis.toml", "[log]\nlevel = \"debug\"\n");
    let shown = ["--config", file.to_str().unwrap(), "config", "show"];
    let text = machine.run(&shown).exits_with(0).stdout;
    let line = |key: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(key));
        line.expect(key).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("log.level"), "log.level file \"debug\"");
    assert_eq!(line("tokens.secret_key"), "tokens.secret_key environment (secret, set)");
    assert_eq!(line("database.connections"), "database.connections default 16");
    assert!(!text.contains("Zq7vK2mXw9Rt"), "{text}");
    let json = machine.run(&[&shown[..], &["--json"]].concat()).exits_with(0).json();
    let settings = json["settings"].as_array().unwrap();
    let secret = settings.iter().find(|it| it["key"] == "tokens.secret_key").unwrap();
    assert_eq!(secret["secret_is_set"], true);
    machine.set("PORTCULLIS__LOG__LEVEL", "loud");
    machine.run(&shown).exits_with(2);
    assert!(!machine.path("data").exists());
}

#[test]
fn each_start_is_valid_and_serves() {
    for (start, roles) in [("small", 2), ("default", 8)] {
        let machine = Machine::new();
        let folder = machine.path("etc");
        let init = ["config", "init", folder.to_str().unwrap(), "--matrix", start];
        let said = machine.run(&init).exits_with(0).stdout;
        assert!(said.contains("config check"), "{said}");
        let [file, matrix] =
            ["portcullis.toml", "access_matrix.toml"].map(|name| folder.join(name));
        let (file, matrix) = (file.to_str().unwrap(), matrix.to_str().unwrap());
        machine.run(&["--config", file, "config", "check"]).exits_with(0);
        let checked = machine.run(&["policy", "check", matrix, "--json"]).exits_with(0).json();
        assert_eq!(checked["roles"].as_array().map(Vec::len), Some(roles));
        if start == "small" {
            assert_eq!(checked["notes"].as_array().map(Vec::len), Some(0), "{checked}");
        }
        // Nothing is replaced.
        let said = machine.run(&init).exits_with(1).stderr;
        assert!(said.contains("exist"), "{said}");
        machine.run(&["--config", file, "migrate"]).exits_with(0);
    }
    let machine = Machine::new();
    let said = machine.run(&["config", "init"]).exits_with(2).stderr;
    assert!(said.contains("--matrix"), "{said}");
}
