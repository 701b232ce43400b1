//! Tests of `health` and `status`.

use std::net::TcpListener;

use crate::machine::Machine;

/// A machine whose operations listener has a port that is free.
fn machine() -> Machine {
    let mut machine = Machine::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    machine.set("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", &address);
    machine
}

#[test]
fn a_running_server_is_healthy_and_tells_its_state() {
    let mut machine = machine();
    let server = machine.serve();
    assert_eq!(machine.run(&["health"]).exits_with(0).stdout, "ready\n");
    let status = machine.run(&["status", "--json"]).exits_with(0).json();
    assert_eq!(status["status"], "ready");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let text = machine.run(&["status"]).exits_with(0).stdout;
    for part in ["started_at", "database         ok", "mails", "checkpoints", "job              "] {
        assert!(text.contains(part), "{part} in {text}");
    }
    server.stop();
    for verb in ["health", "status"] {
        let said = machine.run(&[verb]).exits_with(1).stderr;
        assert!(said.contains("no server answers"), "{said}");
    }
    machine.set("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", "127.0.0.1:0");
    assert!(machine.run(&["health"]).exits_with(1).stderr.contains("port"));
}

#[test]
fn another_program_on_the_port_is_no_healthy_server() {
    let mut machine = Machine::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    machine.set("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", &address);
    let other = std::thread::spawn(move || drop(listener.accept()));
    machine.run(&["health"]).exits_with(1);
    other.join().unwrap();
}
