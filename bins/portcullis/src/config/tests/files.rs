//! Tests of the files that the configuration names: each fault is found under its key, with the other
//! faults, and nothing waits for a file that is none.

use std::io::Write;
use std::process::Command;
use std::thread;

use portcullis_domain::Timestamp;
use portcullis_flows::sign_in::RiskFiles;

use super::{Given, KEY};
use crate::config::{Finding, LoadedConfig, Secret};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Variables that name the file `{file}`, and the key with the fault.
const REGULAR_FILES: [(&[(&str, &str)], &str); 7] = [
    (&[("PORTCULLIS__ACCESS__MATRIX", "{file}")], "access.matrix"),
    (&[("PORTCULLIS__CONSOLE__LOGO", "{file}")], "console.logo"),
    (&[("PORTCULLIS__PASSWORDS__BREACH_FILTER", "{file}")], "passwords.breach_filter"),
    (&[("PORTCULLIS__RISK__BAD_ADDRESSES", "{file}")], "risk.bad_addresses"),
    (&[("PORTCULLIS__RISK__POSITIONS", "{file}")], "risk.positions"),
    (
        &[
            ("SMTP_HOST", "smtp.example.org"),
            ("SMTP_FROM", "auth@example.org"),
            ("PORTCULLIS__MAIL__CA_FILE", "{file}"),
        ],
        "mail.ca_file",
    ),
    (
        &[
            ("PORTCULLIS__SERVER__BASE_URL", "https://auth.example.org"),
            ("PORTCULLIS__SERVER__TLS_CERTIFICATE", "{file}"),
            ("PORTCULLIS__SERVER__TLS_KEY", "{file}"),
        ],
        "server.tls_certificate",
    ),
];

impl Given {
    /// A named pipe without a writer.
    fn pipe(self, name: &str) -> Self {
        let path = self.dir.path().join(name);
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        self
    }

    /// As a server reads it.
    fn load_for_server(&self) -> (LoadedConfig, RiskFiles) {
        self.load().with_files_of_server(NOW)
    }

    fn faults_of_server(&self) -> Vec<Finding> {
        self.load_for_server().0.findings.faults
    }
}

#[test]
fn only_regular_files_are_read() {
    for (variables, key) in REGULAR_FILES {
        for (file, kind) in
            [("{dir}/pipe", "a named pipe"), ("{dir}", "a directory"), ("/dev/zero", "a device")]
        {
            let given = variables.iter().fold(Given::nothing().pipe("pipe"), |given, set| {
                given.variable(set.0, &set.1.replace("{file}", file))
            });
            let faults = given.faults_of_server();
            let fault = faults.iter().find(|fault| fault.key == key).expect(key);
            assert!(
                fault.problem.contains(&format!("it is {kind}, not a regular file")),
                "{fault}"
            );
            assert!(faults.iter().all(|fault| fault.key == key), "{faults:?}");
        }
    }
}

#[test]
fn a_template_is_a_regular_file() {
    let given = Given::nothing().pipe("mail.txt").variable("PORTCULLIS__MAIL__TEMPLATES", "{dir}");
    let faults = given.faults();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(fault.key, "mail.templates");
    assert!(fault.problem.contains("mail.txt: it is a named pipe"), "{fault}");
}

#[test]
fn a_secret_may_come_from_a_named_pipe_and_has_an_end() {
    let given = Given::nothing().pipe("pipe").variable("SECRET_KEY_FILE", "{dir}/pipe");
    let pipe = given.dir.path().join("pipe");
    let config = thread::scope(|scope| {
        scope.spawn(|| {
            let mut pipe = std::fs::File::options().write(true).open(pipe).unwrap();
            writeln!(pipe, "{KEY}").unwrap();
        });
        given.config()
    });
    assert!(matches!(config.tokens.secret, Secret::Configured(_)));
    for (file, problem) in [("/dev/zero", "more than 64 KiB"), ("{dir}", "directory")] {
        let faults = Given::nothing().variable("SECRET_KEY_FILE", file).faults();
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!(fault.key, "tokens.secret_key");
        assert!(fault.problem.contains(problem), "{fault}");
    }
}

#[test]
fn the_files_of_risk_are_read_with_the_fault_of_each() {
    let named = |bad_addresses: &str| {
        Given::nothing()
            .secret("bad.txt", bad_addresses)
            .variable("PORTCULLIS__RISK__BAD_ADDRESSES", "{dir}/bad.txt")
    };
    let sound = named("\u{feff}192.0.2.0/24\n").load_for_server();
    assert!(sound.0.findings.faults.is_empty(), "{:?}", sound.0.findings.faults);
    let list = sound.1.bad_addresses.unwrap();
    assert!(list.contains("192.0.2.7".parse().unwrap()) && sound.1.positions.is_none());

    let given = named("192.0.2.1\nnonsense\n")
        .secret("cities.mmdb", "MaxMind")
        .variable("PORTCULLIS__RISK__POSITIONS", "{dir}/cities.mmdb")
        .variable("PORTCULLIS__PASSWORDS__BREACH_FILTER", "{dir}/missing")
        .variable("PORTCULLIS__LOG__LEVEL", "loud");
    let faults = given.faults_of_server();
    for (key, file, problem) in [
        ("risk.bad_addresses", "bad.txt", "line 2: must be networks"),
        ("risk.positions", "cities.mmdb", "the position file is not valid"),
        ("passwords.breach_filter", "missing", "No such file"),
    ] {
        let fault = faults.iter().find(|fault| fault.key == key).expect(key);
        let path = given.dir.path().join(file);
        assert!(fault.problem.contains(path.to_str().unwrap()), "{fault}");
        assert!(fault.problem.contains(problem), "{fault}");
    }
    assert_eq!(faults.len(), 4, "{faults:?}");

    let switched_off = given.variable("PORTCULLIS__RISK__ENABLED", "false");
    let keys = switched_off.faults_of_server().into_iter().map(|fault| fault.key);
    assert_eq!(keys.collect::<Vec<_>>(), ["log.level", "passwords.breach_filter"]);
}
