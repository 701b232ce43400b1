//! A part of the server ends by itself: the server does not go on without it.

use std::net::TcpListener;
use std::time::Duration;

use portcullis_api::application;
use portcullis_testkit::{TestDatabase, TestServer};
use portcullis_web::{ServeError, Settings};

#[test]
fn a_server_whose_recorder_has_ended_ends_and_says_why() {
    let other = TestServer::start(TestDatabase::sqlite());
    let services = other.services();
    assert_eq!(services.decisions.recorder().close(Duration::from_secs(60)), None);
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let settings = Settings {
        origin: other.origin().to_owned(),
        cors_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        secure_cookies: false,
        workers: Some(1),
        // It is for who is told to stop, and not for who fails.
        shutdown_delay: Duration::from_secs(600),
        log_lines_lost: std::sync::Arc::default(),
    };
    let outcome = portcullis_web::serve(listener, application(services, false), settings, || {});
    assert!(matches!(outcome, Err(ServeError::Part("recorder"))), "{outcome:?}");
}
