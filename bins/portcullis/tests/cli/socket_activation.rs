//! Listeners that the service manager binds: each test binds them in its place.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use crate::machine::{CommandResult, Machine, Server};

/// A shell makes the sockets the first descriptors after the standard ones, as the protocol demands.
const HAND_OVER: &str =
    "exec 3<&0 4<&2 </dev/null 2>log; export LISTEN_PID=${LISTENER-$$} LISTEN_FDS=2; exec \"$@\"";

/// The command, started with two sockets and its log in the file `log`.
fn command(machine: &Machine, sockets: [OwnedFd; 2]) -> Command {
    let [first, second] = sockets.map(Stdio::from);
    let plain = machine.command(&["serve", "--json"]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", HAND_OVER, "sh"]).arg(plain.get_program()).args(plain.get_args());
    command.env_clear().current_dir(machine.path(""));
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(first).stderr(second);
    command
}

fn serve(machine: &Machine, listeners: &[TcpListener; 2]) -> Server {
    let sockets = listeners.each_ref().map(|it| OwnedFd::from(it.try_clone().unwrap()));
    Server::announced(command(machine, sockets), machine.path("log"))
}

/// The failure of the start, before it has touched anything.
fn refused(machine: &Machine, sockets: [OwnedFd; 2]) -> String {
    let done: CommandResult = command(machine, sockets).output().unwrap().into();
    assert!(!machine.path("data").exists());
    done.exits_with(1).stdout
}

/// Two listeners, and a machine whose configuration has their addresses.
fn machine() -> (Machine, [TcpListener; 2]) {
    let mut machine = Machine::new();
    let listeners = ["ADDRESS", "OPERATIONS_ADDRESS"].map(|setting| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        machine.set(&format!("PORTCULLIS__SERVER__{setting}"), &address);
        listener
    });
    (machine, listeners)
}

/// Sends a request, which nobody may have accepted yet.
fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

#[track_caller]
fn assert_answered(mut stream: TcpStream) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn requests_from_before_and_between_two_servers_are_answered() {
    let (machine, listeners) = machine();
    let [public, operations] = listeners.each_ref().map(|it| it.local_addr().unwrap());
    let early = ask(public, "/health/live");
    let report = ask(operations, "/health");
    let server = serve(&machine, &listeners);
    assert_eq!(server.announcement["listening"], format!("http://{public}"));
    assert_eq!(server.announcement["operations"], format!("http://{operations}"));
    assert_answered(early);
    assert_answered(report);
    server.stop();

    let between = ask(public, "/health/live");
    let server = serve(&machine, &listeners);
    assert_answered(between);
    server.stop();
}

/// Names and positions do not count, so a wrong order opens no listener to the wrong network.
#[test]
fn each_socket_belongs_to_the_setting_with_its_address() {
    let (machine, [public, operations]) = machine();
    let [at, operations_at] = [&public, &operations].map(|it| it.local_addr().unwrap());
    let server = serve(&machine, &[operations, public]);
    assert_answered(ask(operations_at, "/health"));
    let mut answer = String::new();
    ask(at, "/health").read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    server.stop();
}

#[test]
fn a_socket_that_no_setting_names_stops_the_start() {
    let (mut machine, listeners) = machine();
    let address = listeners[1].local_addr().unwrap().to_string();
    machine.set("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", "off");
    let failure = refused(&machine, listeners.map(OwnedFd::from));
    assert!(
        failure.contains(&format!("hands over a socket at {address}, which no setting has")),
        "{failure}"
    );
}

#[test]
fn a_socket_of_another_kind_stops_the_start() {
    let (machine, [public, _operations]) = machine();
    let (other, _) = UnixDatagram::pair().unwrap();
    let failure = refused(&machine, [public.into(), other.into()]);
    assert!(failure.contains("hands over a socket that cannot be used"), "{failure}");
}

/// The variables of a parent process, which took its sockets itself.
#[test]
fn sockets_for_another_process_are_left_alone() {
    let (mut machine, [public, operations]) = machine();
    let address = public.local_addr().unwrap();
    machine.set("LISTENER", "1");
    machine.set("PORTCULLIS__SERVER__ADDRESS", "127.0.0.1:0");
    machine.set("PORTCULLIS__SERVER__OPERATIONS_ADDRESS", "off");
    let server = serve(&machine, &[public, operations]);
    assert_ne!(server.announcement["listening"], format!("http://{address}"));
    server.stop();
}
