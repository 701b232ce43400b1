//! Many connections: those of one address have a limit, and idle ones cost others nothing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{ServerProcess, connect_from, raise_file_limit};

use crate::environment::take_turn;

/// The default of `rate_limit.connections`.
const LIMIT: usize = 1_000;

const IDLE: usize = 10_000;

/// The time after which the open files of ended connections are closed.
const RELEASE: Duration = Duration::from_secs(30);

/// The files that the server itself may open meanwhile, such as those of its database.
const OWN_FILES: usize = 32;

/// The memory in MiB that the process may keep after that time.
const KEPT: u64 = 16;

#[test]
fn an_address_gets_the_configured_number_and_others_are_unaffected() {
    raise_file_limit(3_000);
    let data_dir = tempfile::tempdir().expect("a directory");
    let server = ServerProcess::start(data_dir.path(), &LIMITS);
    let greedy = Ipv4Addr::new(127, 0, 0, 2);
    let connect = |_| {
        let mut stream = connect_from(greedy, server.origin());
        exchange(&mut stream).map(|()| stream)
    };
    let mut held: Vec<TcpStream> = (0..2 * LIMIT).filter_map(connect).collect();
    assert_eq!(held.len(), LIMIT);
    for other in 3..30 {
        let mut stream = connect_from(Ipv4Addr::new(127, 0, 0, other), server.origin());
        assert!(exchange(&mut stream).is_some(), "127.0.0.{other}");
    }
    let admitted = held.iter_mut().filter_map(exchange).count();
    assert_eq!(admitted, LIMIT);
}

#[test]
fn idle_connections_are_held_and_leave_no_open_file_and_no_memory_behind() {
    let _turn = take_turn();
    raise_file_limit(11_000);
    let data_dir = tempfile::tempdir().expect("a directory");
    let server = ServerProcess::start(data_dir.path(), &LIMITS);
    latencies(&server);
    let (files, base) = (server.open_files().expect("it runs"), memory(&server));
    let quiet = latencies(&server);

    let connections = hold(&server);
    let (held, busy) = (memory(&server), latencies(&server));
    drop(connections);
    assert!(within(RELEASE, || server.open_files().is_some_and(|now| now <= files + OWN_FILES)));
    assert!(within(RELEASE, || memory(&server) <= base + KEPT), "{} MiB", memory(&server));
    let after = memory(&server);
    println!("{IDLE} idle connections: {base} MiB before, {held} MiB with them, {after} MiB after");
    println!("p50 and p99 of another client: {quiet:?} before, {busy:?} with them");
}

/// A client that reads nothing holds a few pieces of a response, not a copy of it all.
#[test]
fn responses_that_nobody_reads_take_little_memory() {
    const READERS: u64 = 400;
    raise_file_limit(3_000);
    let data_dir = tempfile::tempdir().expect("a directory");
    let server = ServerProcess::start(data_dir.path(), &LIMITS);
    latencies(&server);
    let base = memory(&server);
    let held: Vec<TcpStream> = (0..READERS)
        .map(|_| {
            let mut stream = connect_from(Ipv4Addr::new(127, 0, 0, 2), server.origin());
            let request = b"GET /api/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
            stream.write_all(request).expect("the server reads");
            // The first byte: the response has begun.
            stream.read_exact(&mut [0]).expect("the server answers");
            stream
        })
        .collect();
    let grown = memory(&server).saturating_sub(base);
    drop(held);
    println!("{READERS} unread responses: {grown} MiB");
    assert!(grown < READERS / 8, "{grown} MiB: more than 128 KiB for each");
}

const LIMITS: [(&str, &str); 1] = [("PORTCULLIS__RATE_LIMIT__CONNECTIONS", "1000")];

/// Opens the idle connections, each after a request.
fn hold(server: &ServerProcess) -> Vec<TcpStream> {
    let address = |number: usize| {
        let last = u8::try_from(2 + number / LIMIT).expect("a small number");
        Ipv4Addr::new(127, 0, 1, last)
    };
    let open = |number| {
        let mut stream = connect_from(address(number), server.origin());
        assert!(exchange(&mut stream).is_some(), "connection {number}");
        stream
    };
    (0..IDLE).map(open).collect()
}

/// Sends a request; `None` if the connection is closed instead of a response.
fn exchange(stream: &mut TcpStream) -> Option<()> {
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
    let mut bytes = [0; 2048];
    let read = stream.read(&mut bytes).ok()?;
    bytes[..read].starts_with(b"HTTP/1.1 200 ").then_some(())
}

/// The median and the 99th percentile of a thousand requests of another client.
fn latencies(server: &ServerProcess) -> (Duration, Duration) {
    let mut stream = connect_from(Ipv4Addr::LOCALHOST, server.origin());
    let clock = SystemClock::new();
    let mut times: Vec<Duration> = (0..1_000)
        .map(|_| {
            let begin = clock.monotonic();
            exchange(&mut stream).expect("the client is served");
            clock.monotonic().saturating_sub(begin)
        })
        .collect();
    times.sort();
    (times[500], times[990])
}

/// In MiB.
fn memory(server: &ServerProcess) -> u64 {
    server.memory().expect("it runs") / (1024 * 1024)
}

fn within(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let clock = SystemClock::new();
    let begin = clock.monotonic();
    while clock.monotonic().saturating_sub(begin) < limit {
        if is_so() {
            return true;
        }
    }
    false
}
