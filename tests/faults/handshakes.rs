//! Half-finished TLS handshakes: a flood of them takes a bounded amount of memory.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpStream};

use portcullis_testkit::{
    Browser, ServerProcess, TestCertificates, connect_from, raise_file_limit,
};

use crate::environment::{folder, take_turn};

/// The handshakes that may be under way; docs/tls.md states both numbers.
const MAX_HANDSHAKES: usize = 512;

/// The memory of all of them: 64 KiB of input each, in buffers of twice that size.
const MAX_BYTES: u64 = 64 << 20;

#[test]
fn a_flood_of_half_finished_handshakes_takes_the_documented_memory_and_no_more() {
    const FLOOD: usize = 4 * MAX_HANDSHAKES;
    let _turn = take_turn();
    raise_file_limit(6_144);
    let certificates = TestCertificates::new();
    let files = certificates.files();
    let [certificate, key] = [&files.certificate, &files.key]
        .map(|path| path.to_str().expect("the path is a text").to_owned());
    let environment = [
        ("PORTCULLIS__SERVER__TLS_CERTIFICATE", certificate.as_str()),
        ("PORTCULLIS__SERVER__TLS_KEY", key.as_str()),
    ];
    let data = folder();
    let mut server = ServerProcess::prepare(data.path(), &environment);
    server.launch_until_listening();
    let base = server.peak_memory().expect("it runs");
    let message = client_hello();
    let held: Vec<TcpStream> = (0..FLOOD)
        .map(|number| {
            let host = u8::try_from(2 + number % 64).expect("a small number");
            let mut stream = connect_from(Ipv4Addr::new(127, 0, 0, host), server.origin());
            // Newer handshakes may have ended this one.
            if let Err(error) = stream.write_all(&message) {
                assert!(is_closed(error.kind()), "{error}");
            }
            stream
        })
        .collect();
    let mut browser = Browser::at(&server.operations());
    let ended = || browser.get("/metrics", &[]).text;
    let overload = "portcullis_tls_handshake_failures_total{reason=\"overload\"} ";
    let text = std::iter::repeat_with(ended).find(|text| {
        let count = text.lines().find_map(|line| line.strip_prefix(overload)?.parse().ok());
        count.is_some_and(|count: usize| count >= MAX_HANDSHAKES)
    });
    assert!(text.is_some());
    let grown = server.peak_memory().expect("it runs").saturating_sub(base);
    drop(held);
    println!("{FLOOD} half-finished handshakes: {} KiB", grown / 1024);
    // An ended handshake gives its memory back when its task runs next. Without a bound, the flood takes
    // four times as much.
    assert!(grown < 2 * MAX_BYTES, "{} KiB", grown / 1024);
    assert!(grown > MAX_BYTES / 8, "{} KiB: the server has not read the messages", grown / 1024);
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

/// The longest message that the server waits for, in records of the maximum length, without its end.
fn client_hello() -> Vec<u8> {
    const RECORD: usize = 16 * 1024;
    let mut message = vec![1, 0, 0xff, 0xf0, 3, 3];
    message.resize(4 * RECORD - 64, 7);
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).expect("a record").to_be_bytes();
        [&[0x16, 3, 1][..], &length, part].concat()
    };
    message.chunks(RECORD).flat_map(record).collect()
}
