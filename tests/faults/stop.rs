//! SIGTERM: accepted requests are answered, and then the server ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portcullis_domain::SystemClock;
use portcullis_testkit::{PASSWORD, TestDatabase};
use serde_json::json;

use crate::environment::{folder, server_on, start, take_turn};
use crate::history::{self, RandomChoices, SEED};
use crate::link::Link;
use crate::proxy::Proxy;
use crate::trail::{self, Client, Recorded, TestClients};

/// The timeout of a server that was told to stop.
const MAX_STOP: Duration = Duration::from_secs(10);

#[test]
fn a_request_under_way_is_answered_after_sigterm() {
    let (mut server, _data) = server_on(&TestDatabase::sqlite());
    let address = server.origin().strip_prefix("http://").expect("an origin").to_owned();
    let body = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    let body = body.to_string();
    let mut connection = TcpStream::connect(&address).expect("the server listens");
    let head = format!(
        "POST /api/auth/register HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).expect("the connection is open");
    let mut answer = BufReader::new(connection.try_clone().expect("the system has descriptors"));
    // This line proves that the request is accepted and waits for its body.
    assert_eq!(line(&mut answer), "HTTP/1.1 100 Continue");
    assert_eq!(line(&mut answer), "");

    server.ask_to_stop();
    while TcpStream::connect(&address).is_ok() {
        thread::yield_now();
    }
    connection.write_all(body.as_bytes()).expect("the connection is still open");

    assert_eq!(line(&mut answer), "HTTP/1.1 201 Created");
    answer.read_to_string(&mut String::new()).expect("the answer is whole");
    let status = server.ended_within(MAX_STOP).expect("it stops in time");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn who_follows_revocations_is_let_go_at_sigterm() {
    const DIGEST: &str = "RLmHSStUZ_j1ux40_yaBNRmJnN6JaRtTtNaZnA-wAM4";
    const SECRET: &str = "zD9e8aYk7Lw3VqXo2uHnRt5cJm1Bf6Gp4sKi0TyEdAQ";
    let data = folder();
    let database = TestDatabase::sqlite();
    let services = [("PORTCULLIS__SERVICES__SCHEDULING", DIGEST)];
    let mut server = start(data.path(), database.url(), &services);
    let address = server.origin().strip_prefix("http://").expect("an origin").to_owned();
    let mut connection = TcpStream::connect(&address).expect("the server listens");
    let head = format!(
        "GET /api/revocations HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\
         authorization: Bearer {SECRET}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).expect("the connection is open");
    let mut events = BufReader::new(connection);
    assert_eq!(line(&mut events), "HTTP/1.1 200 OK");
    while !line(&mut events).starts_with("data: {") {}

    server.ask_to_stop();
    let mut rest = String::new();
    events.read_to_string(&mut rest).expect("the answer is whole");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
    let status = server.ended_within(MAX_STOP).expect("it stops in time");
    assert_eq!(status.code(), Some(0), "{}", server.log());
}

#[test]
fn no_accepted_request_fails_when_the_server_stops_under_load() {
    const STOPS: u32 = 6;
    let _turn = take_turn();
    TestDatabase::on_both(|database| {
        let chance = RandomChoices::new(SEED);
        let (mut server, _data) = server_on(&database);
        let mut clients = history::clients(&server);
        for _ in 0..STOPS {
            history::work_until(&mut clients, &mut server, &chance, |server| {
                server.ask_to_stop();
                let status = server.ended_within(MAX_STOP).expect("it stops in time");
                assert_eq!(status.code(), Some(0), "{}", server.log());
            });
            let unanswered = history::done_without_an_answer(&clients, &database);
            assert_eq!(unanswered, Vec::<String>::new());
            server.restart();
            history::check(&clients, &database, &server);
        }
        assert!(!server.log().contains("panicked"), "{}", server.log());
    });
}

#[test]
fn no_answered_decision_is_lost_when_the_server_stops_under_load() {
    const STOPS: u32 = 3;
    let _turn = take_turn();
    TestDatabase::on_both(|database| {
        let chance = RandomChoices::new(SEED);
        let data = folder();
        // Long enough that only the stop causes a write.
        let window = [("PORTCULLIS__AUDIT__WINDOW_MS", "10000")];
        let mut server = start(data.path(), database.url(), &window);
        let mut clients = TestClients::on(&server, &database);
        for _ in 0..STOPS {
            clients.work_until(&mut server, &chance, |server| {
                server.ask_to_stop();
                let status = server.ended_within(MAX_STOP).expect("it stops in time");
                assert_eq!(status.code(), Some(0), "{}", server.log());
            });
            // The flush is finished when the process has ended.
            let (recorded, notes) = (Recorded::read(&server), clients.notes());
            assert_eq!(trail::broken(&recorded, &notes, Duration::ZERO), Vec::<String>::new());
            assert_eq!(trail::lost(&recorded, &notes), 0);
            trail::verify(&server, None).assert_intact();
            server.restart();
        }
        assert!(!server.log().contains("panicked"), "{}", server.log());
    });
}

#[test]
fn a_client_that_keeps_its_connection_does_not_delay_the_end() {
    let (mut server, _data) = server_on(&TestDatabase::sqlite());
    let address = server.origin().strip_prefix("http://").expect("an origin").to_owned();
    let mut connection = TcpStream::connect(&address).expect("the server listens");
    let request = format!("GET /health/live HTTP/1.1\r\nhost: {address}\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("the connection is open");
    let mut answer = BufReader::new(connection);
    assert_eq!(line(&mut answer), "HTTP/1.1 200 OK");

    server.ask_to_stop();
    let status = server.ended_within(MAX_STOP).expect("it stops in time");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_client_that_says_nothing_does_not_delay_the_end() {
    let (mut server, _data) = server_on(&TestDatabase::sqlite());
    let address = server.origin().strip_prefix("http://").expect("an origin").to_owned();
    let mut silent = TcpStream::connect(&address).expect("the server listens");
    let mut half = TcpStream::connect(&address).expect("the server listens");
    half.write_all(b"GET /health/live HTTP/1.1\r\nhost:").expect("the connection is open");

    server.ask_to_stop();
    let status = server.ended_within(MAX_STOP).expect("it stops in time");
    assert_eq!(status.code(), Some(0), "{}", server.log());
    // The server closed both connections before its end.
    for connection in [&mut silent, &mut half] {
        let _ = connection.read_to_end(&mut Vec::new());
    }
}

#[test]
fn a_database_that_hangs_does_not_delay_the_end_and_what_is_lost_is_named() {
    let database = TestDatabase::postgres();
    let (proxy, url) = Proxy::to_database(database.url());
    let data = folder();
    // Long enough that decisions wait until the database hangs.
    let mut server = start(data.path(), &url, &[("PORTCULLIS__AUDIT__WINDOW_MS", "10000")]);
    let link = Link::to(server.origin());
    let mut client = Client::new(server.origin(), "ada", Arc::new(SystemClock::new()));
    proxy.silence();
    client.ask(&link).expect("within the window the database is not needed");

    server.ask_to_stop();
    let status = server.ended_within(MAX_STOP).expect("it stops in time");
    assert_eq!(status.code(), Some(1), "{}", server.log());
    let log = server.log();
    assert!(log.contains("1 answered decisions from"), "{log}");
}

fn line(answer: &mut impl BufRead) -> String {
    let mut line = String::new();
    answer.read_line(&mut line).expect("the connection is open");
    line.trim_end().to_owned()
}
