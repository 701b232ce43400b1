//! Messages to the service manager, received by the socket of a test in its place.

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::Machine;

const MINUTE: Duration = Duration::from_secs(60);

/// A machine whose processes report to the socket.
fn machine() -> (Machine, UnixDatagram) {
    let mut machine = Machine::new();
    let path = machine.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(MINUTE)).unwrap();
    machine.set("NOTIFY_SOCKET", path.to_str().unwrap());
    (machine, socket)
}

fn next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).expect("a message");
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn serve_reports_when_it_is_ready_reloads_and_stops() {
    let (machine, socket) = machine();
    let server = machine.start(&["--json"], "log");
    assert_eq!(next(&socket), "STATUS=opening the database\n");
    let listening = server.announcement["listening"].as_str().unwrap();
    assert_eq!(next(&socket), format!("STATUS=listening on {listening}\n"));
    assert_eq!(next(&socket), "READY=1\n");
    assert!(server.request("GET", "/health/ready", "").starts_with("HTTP/1.1 200 "));

    server.signal(Signal::HUP);
    let reloading = next(&socket);
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reloading);
    assert!(time.trim_end().parse::<u64>().is_ok(), "{reloading}");
    assert_eq!(next(&socket), "READY=1\n");
    server.stop();
    assert_eq!(next(&socket), "STOPPING=1\n");
}

#[test]
fn a_worker_reports_too() {
    let (machine, socket) = machine();
    let worker = machine.work();
    for expected in ["STATUS=opening the database\n", "STATUS=running the jobs\n", "READY=1\n"] {
        assert_eq!(next(&socket), expected);
    }
    worker.stop();
    assert_eq!(next(&socket), "STOPPING=1\n");
}

#[test]
fn a_server_that_waits_for_its_database_is_not_ready() {
    let (mut machine, socket) = machine();
    machine.set("DATABASE_URL", "postgres://portcullis@127.0.0.1:1/portcullis");
    let mut child = machine.command(&["serve"]).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(next(&socket), "STATUS=opening the database\n");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 64]).is_err(), "a message after that");
}

#[test]
fn a_ready_server_feeds_the_watchdog() {
    let (mut machine, socket) = machine();
    machine.set("WATCHDOG_USEC", "150000");
    let server = machine.start(&["--json"], "log");
    while next(&socket) != "READY=1\n" {}
    for _ in 0..3 {
        assert_eq!(next(&socket), "WATCHDOG=1\n");
    }
    server.stop();
}
