//! A part of the server ends unexpectedly: then the server ends too.

use std::net::TcpListener;
use std::time::Duration;

use portcullis_testkit::{TestDatabase, TestServer, settings};
use portcullis_web::{ServeError, Settings, Signals};

#[test]
fn a_server_whose_recorder_has_ended_ends_and_says_why() {
    let other = TestServer::start(TestDatabase::sqlite());
    let application = other.node().application;
    assert_eq!(application.decisions.recorder().close(Duration::from_secs(60)), None);
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    // It is for a server that is told to stop, and not for one that fails.
    let shutdown_delay = Duration::from_secs(600);
    let settings = Settings { shutdown_delay, ..settings(other.origin()) };
    let signals = Signals::new().expect("a runtime");
    let outcome = portcullis_web::serve(listener, application, settings, signals, |_| {});
    assert!(matches!(outcome, Err(ServeError::Part("recorder"))), "{outcome:?}");
}
