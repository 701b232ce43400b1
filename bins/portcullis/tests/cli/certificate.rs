//! Tests of the TLS certificate: the reports of the commands, and the reload by a signal.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::Signal;

use crate::machine::{Machine, within};

/// A machine whose server has the certificate that [`issue`] writes.
fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__SERVER__TLS_CERTIFICATE", "server.pem");
    machine.set("PORTCULLIS__SERVER__TLS_KEY", "server.key");
    machine.set("PORTCULLIS__SERVER__BASE_URL", "https://auth.example.org");
    issue(&machine, |_| ());
    machine
}

fn issue(machine: &Machine, change: impl FnOnce(&mut CertificateParams)) {
    let mut params = CertificateParams::new(vec!["auth.example.org".to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    machine.write("server.pem", &params.self_signed(&key).unwrap().pem());
    let key = machine.write("server.key", &key.serialize_pem());
    set_permissions(key, Permissions::from_mode(0o600)).unwrap();
}

/// `config check` and `doctor` exit with this code, and print these words about the key.
#[track_caller]
fn assert_reports(machine: &Machine, code: i32, key: &str, words: &str) {
    let text = machine.run(&["config", "check"]).exits_with(code).stdout;
    assert!(text.contains(key) && text.contains(words), "{text}");
    let text = machine.run(&["doctor"]).exits_with(code).stdout;
    let line = text.lines().find(|line| line.contains(" tls certificate ")).expect(&text);
    assert!(line.contains(key) && line.contains(words), "{text}");
    if code != 0 {
        let refused = machine.run(&["serve"]).exits_with(code).stderr;
        assert!(refused.contains(key) && refused.contains(words), "{refused}");
    }
}

const CERTIFICATE: &str = "server.tls_certificate";
const KEY: &str = "server.tls_key";

#[test]
fn a_pair_that_cannot_be_used_is_reported_and_stops_the_start() {
    let mut machine = machine();
    let old_key = std::fs::read_to_string(machine.path("server.key")).unwrap();
    issue(&machine, |_| ());
    machine.write("server.key", &old_key);
    assert_reports(&machine, 2, KEY, "does not belong to the certificate");
    issue(&machine, |params| params.not_after = date_time_ymd(2026, 1, 1));
    assert_reports(&machine, 2, CERTIFICATE, "has expired at 2026-01-01T00:00:00Z");
    std::fs::remove_file(machine.path("server.pem")).unwrap();
    assert_reports(&machine, 2, CERTIFICATE, "cannot be read");
    machine.unset("PORTCULLIS__SERVER__TLS_CERTIFICATE");
    let text = machine.run(&["config", "check"]).exits_with(2).stdout;
    assert!(text.contains(CERTIFICATE) && text.contains("is not set"), "{text}");
}

#[test]
fn a_valid_pair_is_reported_with_its_end_and_its_weaknesses() {
    let mut machine = machine();
    let text = machine.run(&["doctor"]).exits_with(0).stdout;
    assert!(text.contains("tls certificate belongs to its key, and is valid until "), "{text}");

    let soon = jiff::Timestamp::from_microsecond(SystemClock::new().now().as_micros()).unwrap();
    let soon = soon + jiff::SignedDuration::from_hours(13 * 24);
    let date = jiff::tz::TimeZone::UTC.to_datetime(soon).date();
    let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    issue(&machine, |params| params.not_after = date_time_ymd(date.year().into(), month, day));
    assert_reports(&machine, 0, CERTIFICATE, "expires at ");
    issue(&machine, |_| ());
    machine.set("PORTCULLIS__SERVER__BASE_URL", "https://other.example.org");
    assert_reports(&machine, 0, CERTIFICATE, "is not for the host of server.base_url");
    machine.set("PORTCULLIS__SERVER__BASE_URL", "https://auth.example.org");
    set_permissions(machine.path("server.key"), Permissions::from_mode(0o644)).unwrap();
    assert_reports(&machine, 0, KEY, "can be used by every user of this machine");
    machine.set("PORTCULLIS__ENVIRONMENT", "production");
    machine.set("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    assert_reports(&machine, 2, KEY, "can be used by every user of this machine");
}

#[test]
fn sighup_reloads_the_certificate_at_once_and_a_faulty_one_is_logged_once() {
    let machine = machine();
    let server = machine.start(&["--json"], "log");
    let listening = server.announcement["listening"].as_str().unwrap();
    assert!(listening.starts_with("https://127.0.0.1:"), "{listening}");
    let key = std::fs::read_to_string(machine.path("server.key")).unwrap();
    server.signal(Signal::HUP);
    within(Duration::from_secs(10), || server.log().contains("loaded the TLS certificate"));
    machine.write("server.pem", "no certificate");
    within(Duration::from_secs(10), || server.log().contains("the new one is refused"));
    server.signal(Signal::HUP);
    within(Duration::from_secs(10), || server.log().matches("the new one is refused").count() == 2);
    issue(&machine, |_| ());
    within(Duration::from_secs(10), || {
        server.log().matches("loaded the TLS certificate").count() == 2
    });
    let log = server.stop();
    assert!(!log.contains(key.lines().nth(1).unwrap()), "the key is in the log: {log}");
}

#[test]
fn sighup_does_nothing_to_a_server_without_tls() {
    let machine = Machine::new();
    let server = machine.serve();
    server.signal(Signal::HUP);
    for _ in 0..10 {
        assert!(server.request("GET", "/health/live", "").starts_with("HTTP/1.1 200 "));
    }
    let log = server.stop();
    assert!(!log.contains("certificate"), "{log}");
}
