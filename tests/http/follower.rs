//! A test client that follows the feed of revocations.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_testkit::{Answer, Browser, SERVICE, TestServer};
use serde_json::Value;

/// A stream of events.
pub(crate) struct Follower {
    stream: BufReader<TcpStream>,
    /// Received bytes that were not read yet.
    body: String,
}

/// One event of the stream.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

impl Follower {
    /// Opens the stream with these header lines.
    pub(crate) fn send(server: &TestServer, path: &str, lines: &[&str]) -> Self {
        let address = server.origin().strip_prefix("http://").expect("the server speaks HTTP");
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let basic = basic(SERVICE.0, SERVICE.1);
        let mut head = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\
             authorization: {basic}\r\n"
        );
        for line in lines {
            head.extend([line, "\r\n"]);
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("the server reads");
        let mut follower = Self { stream: BufReader::new(stream), body: String::new() };
        follower.read_head();
        follower
    }

    /// Opens the stream after a cursor.
    pub(crate) fn after(server: &TestServer, cursor: &str) -> Self {
        Self::send(server, &format!("/api/revocations?after={cursor}"), &[])
    }

    fn read_head(&mut self) {
        let head: Vec<String> = std::iter::from_fn(|| Some(self.wire_line()))
            .take_while(|line| !line.is_empty())
            .collect();
        assert!(head[0].ends_with("200 OK"), "{head:?}");
        for line in ["content-type: text/event-stream", "cache-control: no-store"] {
            assert!(head.iter().any(|known| known.eq_ignore_ascii_case(line)), "{head:?}");
        }
    }

    /// Returns the next event.
    pub(crate) fn next(&mut self) -> Event {
        let mut event = Event { name: String::new(), id: None, data: Value::Null };
        loop {
            let line = self.line();
            match line.split_once(": ") {
                None => return event,
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("data", data)) => event.data = serde_json::from_str(data).expect("JSON"),
                Some(other) => panic!("{other:?}"),
            }
        }
    }

    /// Returns the entries of the next event with entries, and the cursor after them.
    pub(crate) fn entries(&mut self) -> (Vec<Value>, String) {
        loop {
            let event = self.next();
            if event.name == "revoked" {
                let entries = event.data.as_array().expect("a list").clone();
                return (entries, event.id.expect("entries have an id"));
            }
        }
    }

    /// Returns the next heartbeat. No entries may come before it.
    pub(crate) fn heartbeat(&mut self) -> Value {
        let event = self.next();
        assert_eq!((event.name.as_str(), &event.id), ("heartbeat", &None));
        event.data
    }

    /// A line of the body.
    fn line(&mut self) -> String {
        loop {
            if let Some((line, rest)) = self.body.split_once('\n') {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.body = rest;
                return line;
            }
            let size = usize::from_str_radix(&self.wire_line(), 16).expect("a size of a chunk");
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).expect("the stream goes on");
            self.body.push_str(str::from_utf8(&chunk[..size]).expect("UTF-8"));
        }
    }

    /// A line between the parts of the body.
    fn wire_line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the stream goes on");
        assert!(line.ends_with('\n'), "the stream ended");
        line.truncate(line.trim_end().len());
        line
    }
}

/// Sends a request as the service that every test server has in its configuration.
pub(crate) fn ask(server: &TestServer, path: &str) -> Answer {
    Browser::of(server).get(path, &[("authorization", &basic(SERVICE.0, SERVICE.1))])
}

/// The value of `Authorization` (RFC 7617).
pub(crate) fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}
