//! TLS: versions and protocols, clients without TLS, half handshakes, and the change of the
//! certificate under load.

mod client;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{StopSignal, TestCertificates, TestDatabase, TestServer, TestSettings};
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};

use self::client::{Client, address};
use crate::wire;

fn serve(certificates: &TestCertificates) -> TestServer {
    let settings = TestSettings {
        tls: Some(certificates.files()),
        secure_cookies: true,
        ..TestSettings::default()
    };
    TestServer::with(TestDatabase::sqlite(), settings)
}

#[test]
fn both_versions_of_tls_and_nothing_but_http_1_1() {
    let certificates = TestCertificates::new();
    let server = serve(&certificates);
    for (version, name) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)]
    {
        let mut client = Client::with(&server, &certificates, &[version]);
        client.config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut connection = client.connect().expect("a handshake");
        assert_eq!(connection.session().protocol_version(), Some(name));
        assert_eq!(connection.session().alpn_protocol(), Some(b"http/1.1".as_slice()));
        for _ in 0..3 {
            let answer = connection.get("/health/live").expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            assert!(answer.contains("\r\nstrict-transport-security: max-age="), "{answer}");
        }
        client.config.alpn_protocols = vec![b"h2".to_vec()];
        assert!(client.connect().is_err(), "h2 only");
    }
}

#[test]
fn a_large_answer_arrives_whole() {
    let certificates = TestCertificates::new();
    let server = serve(&certificates);
    let mut connection = Client::of(&server, &certificates).connect().expect("a handshake");
    let answer = connection.get("/api/openapi.json").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with('}'));
    assert!(answer.len() > 64 * 1024, "larger than every buffer on the way");
}

#[test]
fn a_client_without_tls_is_told_so_and_gets_nothing_else() {
    let certificates = TestCertificates::new();
    let server = serve(&certificates);
    let mut stream = TcpStream::connect(address(&server)).expect("the listener accepts");
    stream.write_all(b"GET /api/auth/me HTTP/1.1\r\nhost: x\r\n\r\n").expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer, and the end");
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    assert!(text.contains("\"malformed_request\"") && text.contains("requires TLS"), "{text}");
    assert!(!text.contains("strict-transport-security"), "{text}");
    let counted =
        |reason| format!("portcullis_tls_handshake_failures_total{{reason=\"{reason}\"}}");
    let metrics = server.metrics();
    assert!(metrics.contains(&format!("{} 1\n", counted("plain_http"))), "{metrics}");
    assert!(metrics.contains(&format!("{} 0\n", counted("timeout"))), "{metrics}");
    assert!(metrics.contains("\nportcullis_tls_certificate_expires_seconds 67"), "{metrics}");
}

#[test]
fn plain_http_is_redirected_for_pages_to_the_configured_origin_only() {
    let certificates = TestCertificates::new();
    let server = serve(&certificates);
    let send = |request: &str| {
        let mut stream = TcpStream::connect(server.redirect()).expect("the listener accepts");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer, and the end");
        wire::parse(&text)
    };
    for method in ["GET", "HEAD"] {
        let answer = send(&format!(
            "{method} /console/sign-in?next=x HTTP/1.1\r\nhost: evil.example\r\n\
             x-forwarded-host: evil.example\r\nconnection: close\r\n\r\n"
        ));
        let expected = format!("{}/console/sign-in?next=x", server.origin());
        assert_eq!((answer.status, answer.header("location")), (308, Some(&*expected)));
        assert_eq!(answer.header("strict-transport-security"), None);
    }
    for (request, more) in [
        ("GET /api/auth/me", "authorization: Bearer x\r\nconnection: close\r\n\r\n"),
        ("GET /health/live", "connection: close\r\n\r\n"),
        ("GET /metrics", "connection: close\r\n\r\n"),
        // The body never comes.
        ("POST /api/auth/login", "content-length: 100\r\nconnection: close\r\n\r\n"),
        ("POST /console/sign-in", "content-length: 100\r\nconnection: close\r\n\r\n"),
    ] {
        let answer = send(&format!("{request} HTTP/1.1\r\nhost: x\r\n{more}"));
        assert_eq!((answer.status, answer.code().as_str()), (403, "tls_required"), "{request}");
        assert_eq!(answer.header("location"), None);
    }
}

#[test]
fn a_client_that_reads_no_responses_is_disconnected() {
    let certificates = TestCertificates::new();
    let server = serve(&certificates);
    let mut connection = Client::of(&server, &certificates).connect().expect("a handshake");
    let error = connection.send_without_reading("/api/openapi.json");
    let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(!waited, "the server holds on to it");
}

#[test]
fn half_handshakes_end_in_time_and_others_are_served_meanwhile() {
    let certificates = TestCertificates::new();
    let server = serve(&certificates);
    let client = Client::of(&server, &certificates);
    let clock = SystemClock::new();
    // The record announces 512 bytes of a ClientHello, of which a few come.
    let half = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 64]].concat();
    let mut held: Vec<_> = (0..600)
        .map(|_| {
            let mut stream = TcpStream::connect(address(&server)).expect("the listener accepts");
            stream.write_all(&half).expect("room in the buffer");
            stream
        })
        .collect();
    let mut connection = client.connect().expect("a handshake among the others");
    let answer = connection.get("/health/live").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(clock.monotonic() < Duration::from_secs(5), "before the first of them ends");
    for stream in &mut held {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(clock.monotonic() < Duration::from_secs(15), "all of them end by their timeout");
    let metrics = server.metrics();
    let count = |reason: &str| {
        let name = format!("portcullis_tls_handshake_failures_total{{reason=\"{reason}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(name.as_str()));
        line.and_then(|count| count.parse::<u64>().ok()).expect("a counter")
    };
    assert!(count("overload") >= 600 - 512, "{metrics}");
    assert_eq!(count("overload") + count("timeout"), 600, "{metrics}");
}

#[test]
fn the_certificate_changes_under_load_without_a_failed_request() {
    let certificates = TestCertificates::new();
    let server = serve(&certificates);
    let client = Client::of(&server, &certificates);
    let first = client.connect().expect("a handshake").certificate();
    let stop = StopSignal::default();
    let load: Vec<_> = (0..4)
        .map(|number| {
            let (client, stop) = (client.clone(), stop.receiver());
            thread::spawn(move || {
                let mut kept = client.connect().expect("a handshake");
                let mut count = 0_u32;
                while !stop.is_over() {
                    // Half of the clients connect anew for each request.
                    if number % 2 == 0 {
                        kept = client.connect().expect("a handshake under load");
                    }
                    let answer = kept.get("/health/live").expect("an answer under load");
                    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut shown = first;
    for _ in 0..2 {
        let issued = certificates.issue();
        assert_ne!(issued, shown);
        let clock = SystemClock::new();
        while shown != issued {
            assert!(clock.monotonic() < Duration::from_secs(2), "the new certificate is not shown");
            shown = client.connect().expect("a handshake").certificate();
        }
    }
    certificates.issue_with(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let clock = SystemClock::new();
    while clock.monotonic() < Duration::from_millis(1500) {
        let certificate = client.connect().expect("a handshake").certificate();
        assert_eq!(certificate, shown, "an expired one is not used");
    }
    drop(stop);
    for thread in load {
        assert!(thread.join().expect("no request failed") > 10);
    }
}
