//! Standard error cannot be written: the disk is full, or the pipe is closed or not read. The server works
//! as before and counts the lost lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::SystemClock;
use portcullis_testkit::{Browser, ServerProcess, TestDatabase};
use serde_json::Value;

use crate::environment::{environment, folder};
use crate::link::Link;
use crate::proxy::Proxy;
use crate::trail::{self, Client, Recorded};

/// The default capacity of a pipe on Linux.
const PIPE: usize = 65_536;

/// The timeout of a server that was told to stop.
const MAX_STOP: Duration = Duration::from_secs(10);

#[test]
fn a_full_disk_under_the_log_costs_nothing_but_lines() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has one");
    assert_ne!(endure(full), 0);
}

#[test]
fn a_closed_pipe_under_the_log_costs_nothing_but_lines() {
    let (reader, writer) = io::pipe().expect("the system has pipes");
    drop(reader);
    assert_ne!(endure(writer), 0);
}

#[test]
fn a_log_that_nobody_reads_costs_nothing_but_lines() {
    let (reader, mut writer) = io::pipe().expect("the system has pipes");
    writer.write_all(&vec![b'\n'; PIPE]).expect("so much fits into a pipe");
    endure(writer);
    drop(reader);
}

#[test]
fn a_log_that_is_read_again_goes_on_and_says_what_is_missing() {
    let (reader, mut writer) = io::pipe().expect("the system has pipes");
    writer.write_all(&vec![b'\n'; PIPE]).expect("so much fits into a pipe");
    let (database, data) = (TestDatabase::sqlite(), folder());
    let environment = environment(database.url(), &[]);
    let server = ServerProcess::start_with_errors_to(writer, data.path(), &environment);
    let mut browser = Browser::at(server.origin());
    // Its line is as long.
    let long = format!("/{}", "x".repeat(8000));
    let link = Link::to(server.origin());
    while lost(&server) == 0 {
        let answer = link.send("GET", &long, &[], &Value::Null).expect("the server answers");
        assert_eq!(answer.status, 404);
    }
    let mut lines = BufReader::new(reader).lines();
    let mut next = || lines.next().expect("the server runs").expect("the log is text");
    let mut until = |wanted: &str| loop {
        let text = next();
        if text.contains(wanted) {
            return text;
        }
    };
    let named = until("log lines were lost");
    assert!(named.contains("lines="), "{named}");
    browser.get("/api/openapi.json", &[]);
    until("/api/openapi.json");
}

/// Checks that every part that logs errors still works: the recorder, the follower of revocations, and the
/// threads that serve requests. Returns the number of lost lines.
fn endure(errors: impl Into<OwnedFd>) -> u64 {
    let database = TestDatabase::postgres();
    let (proxy, url) = Proxy::to_database(database.url());
    let data = folder();
    let environment = environment(&url, &[]);
    let mut server = ServerProcess::start_with_errors_to(errors, data.path(), &environment);
    let clock = Arc::new(SystemClock::new());
    let link = &Link::to(server.origin());
    let mut client = Client::new(server.origin(), "ada", Arc::clone(&clock));
    client.ask(link).expect("a server without a fault answers");

    proxy.cut();
    client.ask_until_unavailable(link);
    proxy.mend();

    // The recorder retries its write, and logs that.
    assert!((0..30).any(|_| client.ask(link).is_ok()), "nothing is recorded any more");
    // The follower reads new revocations.
    let mut browser = Browser::at(server.origin());
    let signed_in = browser.sign_in("ada");
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    assert_eq!(browser.sign_out("/api/auth/logout").status, 204);
    let followed = || metric(&server, "revocations_staleness_seconds") < 2.0;
    assert!((0..3000).any(|_| followed()), "nobody follows revocations any more");
    let ready = browser.get("/health/ready", &[]);
    assert_eq!(ready.status, 200, "{}", ready.text);
    let lost = lost(&server);

    server.ask_to_stop();
    let status = server.ended_within(MAX_STOP).expect("it stops in time");
    assert_eq!(status.code(), Some(0));
    let recorded = Recorded::read(&server);
    assert_eq!(trail::lost(&recorded, &client.notes), 0);
    lost
}

fn lost(server: &ServerProcess) -> u64 {
    // A count is a whole number.
    let text = metric(server, "log_lines_lost_total").to_string();
    text.parse().expect("a whole number")
}

fn metric(server: &ServerProcess, name: &str) -> f64 {
    let text = Browser::at(&server.operations()).get("/metrics", &[]).text;
    let prefix = format!("portcullis_{name} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&prefix));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}
