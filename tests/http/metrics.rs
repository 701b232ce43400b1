//! Metrics, on the listener for operators and monitors.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use portcullis_mail::Transport;
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};

use crate::member::Member;

#[test]
fn a_program_on_this_machine_reads_the_figures() {
    let server = TestServer::start(TestDatabase::sqlite());
    let member = Member::new(&server, "ada", "msa");
    (0..3).for_each(|_| drop(member.check("schedule", "read")));
    let answer = Browser::at(server.operations()).get("/metrics", &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "portcullis_audit_queue_depth 0",
        "portcullis_audit_queue_lag_seconds 0.0",
        "portcullis_audit_recorded_total 3",
        "portcullis_audit_write_failures_total 0",
        "portcullis_audit_dropped_total 0",
        "portcullis_matrix_version 1",
        "portcullis_matrix_revision 1",
        "portcullis_hashing_queue_depth 0",
        "portcullis_hashing_refused_total 0",
        "portcullis_revocations 0",
        "portcullis_revocations_staleness_seconds 0.0",
        "portcullis_revocation_followers 0",
        "portcullis_log_lines_lost_total 0",
    ] {
        assert!(answer.text.lines().any(|known| known == line), "{line} in {}", answer.text);
    }
    for line in answer.text.lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.split_once(' ').expect("a name and a value");
        let name = name.split('{').next().expect("a part before the labels");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let parts = ["_bucket", "_sum", "_count"];
        let histogram = parts.iter().find_map(|part| name.strip_suffix(part));
        let name = histogram.filter(|_| name.contains("_duration_")).unwrap_or(name);
        for about in ["HELP", "TYPE"] {
            assert!(answer.text.contains(&format!("# {about} {name} ")), "{about} {name}");
        }
    }
}

#[test]
fn the_documentation_lists_every_job() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let settings = TestSettings {
        audit_retention: Some(Duration::from_secs(86_400)),
        checkpoint_directory: Some(directory.path().to_owned()),
        mails: Some(Transport::Console),
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let figures = server.metrics();
    let runs = figures.lines().filter_map(|line| {
        line.strip_prefix("portcullis_job_runs_total{job=\"")?.split('"').next()
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/retention.md");
    let text = std::fs::read_to_string(path).expect("the documentation is there");
    let (_, jobs) = text.split_once("## Jobs").expect("it has a part on jobs");
    let rows = jobs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(runs.collect::<BTreeSet<_>>(), rows.collect::<BTreeSet<_>>());
}

#[test]
fn the_public_listener_has_none() {
    let server = TestServer::start(TestDatabase::sqlite());
    for path in ["/metrics", "/health"] {
        let answer = Browser::of(&server).get(path, &[]);
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
    }
}

#[test]
fn for_everybody_else_there_are_none() {
    for trusted_proxies in [vec![], vec!["127.0.0.0/8".to_owned()]] {
        let settings = TestSettings { trusted_proxies, ..TestSettings::default() };
        let server = TestServer::with(TestDatabase::sqlite(), settings);
        for header in [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
            ("via", "1.1 proxy"),
            ("x-real-ip", "198.51.100.1"),
            ("x-forwarded-host", "auth.example.org"),
            ("x-forwarded-proto", "https"),
            ("cf-connecting-ip", "198.51.100.1"),
            ("true-client-ip", "198.51.100.1"),
        ] {
            let answer = Browser::at(server.operations()).get("/metrics", &[header]);
            assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{header:?}");
        }
    }
}
