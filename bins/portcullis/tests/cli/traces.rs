//! Tests of the export of traces, with a collector on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::machine::Machine;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACE_BYTES: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const PARENT: u64 = 0x00f0_67aa_0ba9_02b7;

/// A message to the collector: the lines of its head, and its body.
type Message = (Vec<String>, Vec<u8>);

/// A collector that takes every message; its address and the messages.
fn collector() -> (String, Receiver<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (send, messages) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let head: Vec<String> = stream
                .by_ref()
                .lines()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .map(|line| line.to_lowercase())
                .collect();
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.unwrap().parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            if send.send((head, body)).is_err() {
                return;
            }
        }
    });
    (address, messages)
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn requests_are_sent_to_the_collector_as_spans_of_their_trace() {
    let (address, messages) = collector();
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__TRACES__ENDPOINT", &address);
    let server = machine.serve();
    let header = format!("traceparent: 00-{TRACE}-{PARENT:016x}-00\r\n");
    let answer = server.send("GET", "/api/admin/users/secret-7f3a", &header, "");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let answer = answer.to_lowercase();
    let (_, returned) = answer.split_once("traceparent: ").unwrap();
    let span = u64::from_str_radix(returned.split('-').nth(2).unwrap(), 16).unwrap();
    let without = server.send("GET", "/health/live", "", "");
    assert!(!without.to_lowercase().contains("traceparent"), "nobody has asked for it");
    server.stop();

    let received: Vec<Message> = messages.try_iter().collect();
    assert!(!received.is_empty(), "the spans that wait are sent at the end");
    let heads: Vec<_> = received.iter().flat_map(|(head, _)| head).collect();
    assert!(heads[0].starts_with("post /v1/traces "), "{heads:?}");
    assert!(heads.iter().any(|line| *line == "content-type: application/x-protobuf"), "{heads:?}");
    let body: Vec<u8> = received.into_iter().flat_map(|(_, body)| body).collect();
    for part in [
        &TRACE_BYTES.to_be_bytes()[..],
        &PARENT.to_be_bytes(),
        &span.to_be_bytes(),
        b"GET /api/admin/users/{id}",
        b"GET /health/live",
        b"http.response.status_code",
        b"service.name",
    ] {
        assert!(contains(&body, part), "{part:?} in {}", String::from_utf8_lossy(&body));
    }
    assert!(!contains(&body, b"secret-7f3a"), "no part of a request is sent");
}

#[test]
fn a_ratio_of_zero_sends_nothing_that_a_client_names() {
    let (address, messages) = collector();
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__TRACES__ENDPOINT", &address);
    machine.set("PORTCULLIS__TRACES__SAMPLE_RATIO", "0.0");
    let server = machine.serve();
    let header = format!("traceparent: 00-{TRACE}-{PARENT:016x}-01\r\n");
    server.send("GET", "/health/live", &header, "");
    server.stop();
    assert!(messages.recv_timeout(Duration::from_millis(1)).is_err());
}

#[test]
fn a_collector_that_is_not_there_disturbs_no_request_and_no_end() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__TRACES__ENDPOINT", &format!("http://{gone}/v1/traces"));
    let server = machine.serve();
    assert!(server.request("GET", "/health/live", "").starts_with("HTTP/1.1 200 "));
    server.stops_within(Duration::from_secs(20));
}
