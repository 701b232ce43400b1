//! Awaited bodies: clients that send their bodies slowly keep no other client out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings, connect_from};
use portcullis_web::RequestBounds;

use crate::stack::Held;
use crate::{stack, wire};

const BOUNDS: RequestBounds = RequestBounds { total: 20, per_address: 4 };

fn server() -> TestServer {
    let settings = TestSettings { requests: BOUNDS, ..TestSettings::default() };
    TestServer::with(TestDatabase::sqlite(), settings)
}

const BODY: &[u8] = b"{\"username\":\"ada\",\"password\":\"x y\"}";

/// A sign-in from this address that lacks the last byte of its body.
fn slow_sign_in(server: &TestServer, source: Ipv4Addr) -> TcpStream {
    let mut stream = connect_from(source, server.origin());
    let head = format!(
        "POST /api/auth/login/json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream.write_all(&BODY[..BODY.len() - 1]).expect("the server reads");
    stream
}

/// The status of the response.
fn status(stream: &mut TcpStream) -> u16 {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and the end");
    wire::parse(&answer).status
}

/// Sends the last byte and returns the status of the response.
fn finish(mut stream: TcpStream) -> u16 {
    stream.write_all(&BODY[BODY.len() - 1..]).expect("the server reads");
    status(&mut stream)
}

fn await_awaited(server: &TestServer, count: u64) {
    await_metric(server, "portcullis_awaited_bodies", count);
}

fn await_metric(server: &TestServer, name: &str, count: u64) {
    let values = (0..2_000).map(|_| stack::metric(server, name)).find(|value| *value == count);
    assert_eq!(values, Some(count), "{name}: {}", server.metrics());
}

#[test]
fn slow_bodies_of_many_addresses_leave_sign_in_and_registration_to_the_others() {
    let server = server();
    // Two for each place of awaited bodies, which are as many as those of requests under way.
    let sources = (2..42).map(|host| Ipv4Addr::new(127, 0, 0, host));
    let slow: Vec<TcpStream> = sources.map(|source| slow_sign_in(&server, source)).collect();
    await_awaited(&server, 20);
    await_metric(&server, "portcullis_awaited_bodies_ended_total", 20);
    assert_eq!(stack::metric(&server, "portcullis_requests_under_way"), 0);

    let clock = SystemClock::new();
    let begun = clock.monotonic();
    let mut ada = Browser::of(&server);
    assert_eq!(ada.register("ada").status, 201);
    assert_eq!(ada.sign_in("ada").status, 200);
    // Less than the 15 s in which the slow bodies end by themselves.
    assert!(clock.monotonic().saturating_sub(begun) < Duration::from_secs(10));
    let statuses: Vec<u16> = slow.into_iter().map(|mut stream| status(&mut stream)).collect();
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    // The bodies of Ada may have been awaited too.
    assert!(count(503) >= 20, "{statuses:?}");
    assert_eq!(count(503) + count(408), 40, "the later ones have ended by themselves");
    await_awaited(&server, 0);
}

#[test]
fn an_address_with_too_many_slow_bodies_ends_its_own_oldest() {
    let server = server();
    let mut other = slow_sign_in(&server, Ipv4Addr::new(127, 0, 0, 2));
    await_awaited(&server, 1);
    let mut own = Vec::new();
    for count in 2..=5 {
        own.push(slow_sign_in(&server, Ipv4Addr::new(127, 0, 0, 3)));
        await_awaited(&server, count);
    }
    own.push(slow_sign_in(&server, Ipv4Addr::new(127, 0, 0, 3)));
    assert_eq!(status(&mut own.remove(0)), 503);
    await_awaited(&server, 5);
    other.write_all(&BODY[BODY.len() - 1..]).expect("the server reads");
    assert_eq!(status(&mut other), 401);
    assert!(own.into_iter().map(finish).all(|status| status == 401));
}

#[test]
fn a_body_that_arrives_while_no_place_is_free_is_refused() {
    let held = Held::default();
    let settings = TestSettings {
        requests: RequestBounds { total: 1, per_address: 1 },
        routes: Some(held.routes()),
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let refused = slow_sign_in(&server, Ipv4Addr::new(127, 0, 0, 2));
    await_awaited(&server, 1);
    let _place = stack::hold(&server, stack::NORMAL, "127.0.0.3");
    stack::await_under_way(&server, 1);
    assert_eq!(finish(refused), 503);
    held.release();
    stack::await_under_way(&server, 0);
    let accepted = slow_sign_in(&server, Ipv4Addr::new(127, 0, 0, 2));
    await_awaited(&server, 1);
    assert_eq!(finish(accepted), 401);
}
