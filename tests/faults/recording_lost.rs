//! The database is lost while decisions are requested: they are answered for one window, and after that only
//! when they are stored.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use portcullis_domain::SystemClock;
use portcullis_testkit::{TestDatabase, at_once};

use crate::environment::{folder, start};
use crate::link::{Link, UnknownOutcome};
use crate::proxy::Proxy;
use crate::trail::{self, Client, Recorded};

/// See `audit.window_ms`.
const WINDOW: Duration = Duration::from_millis(200);

#[test]
fn decisions_wait_while_the_database_refuses_and_none_that_was_answered_is_lost() {
    endure_loss(Proxy::cut);
}

#[test]
fn decisions_wait_while_the_database_is_silent_and_none_that_was_answered_is_lost() {
    endure_loss(Proxy::silence);
}

fn endure_loss(lose: fn(&Proxy)) {
    let database = TestDatabase::postgres();
    let (proxy, url) = Proxy::to_database(database.url());
    let data = folder();
    let server = start(data.path(), &url, &[]);
    let clock = Arc::new(SystemClock::new());
    let link = &Link::to(server.origin());
    let mut client = Client::new(server.origin(), "ada", Arc::clone(&clock));
    let mut chief = Client::admin(server.origin(), "chief", Arc::clone(&clock), &database);
    client.ask(link).expect("a server without a fault answers");

    lose(&proxy);

    client.ask_until_unavailable(link);
    assert_eq!(chief.activate(link, 2), Err(UnknownOutcome::Unavailable));
    assert!(client.is_known(link));

    proxy.mend();

    // The first decision that is answered again has been recorded, with all earlier ones.
    assert!((0..30).any(|_| client.ask(link).is_ok()), "{}", server.log());
    let recorded = Recorded::read(&server);
    assert_eq!(trail::broken(&recorded, &client.notes, Duration::ZERO), Vec::<String>::new());
    assert_eq!(trail::lost(&recorded, &client.notes), 0);
    chief.activate(link, 2).expect("administrators are let in again");
    assert_eq!(client.ask(link), Ok(true));
    trail::verify(&server, None).assert_intact();
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_kill_while_the_database_is_away_takes_one_window_of_decisions() {
    let (lost, broken) = kill_without_database(&[]);
    assert_eq!(broken, Vec::<String>::new());
    // Otherwise the window was not tested.
    assert_ne!(lost, 0);
}

#[test]
fn a_kill_while_the_database_is_away_takes_nothing_of_a_strict_server() {
    let (lost, broken) = kill_without_database(&[("PORTCULLIS__AUDIT__STRICT", "true")]);
    assert_eq!((lost, broken), (0, Vec::new()));
}

/// Returns the number of lost decisions, and the violations of the rules.
fn kill_without_database(more: &[(&str, &str)]) -> (usize, Vec<String>) {
    const CLIENTS: usize = 3;
    let database = TestDatabase::postgres();
    let (proxy, url) = Proxy::to_database(database.url());
    let data = folder();
    let mut server = start(data.path(), &url, more);
    let clock = Arc::new(SystemClock::new());
    let origin = server.origin().to_owned();
    let barrier = Barrier::new(CLIENTS);
    let clients = at_once(CLIENTS, |number| {
        let link = Link::to(&origin);
        let mut client = Client::new(&origin, &format!("ada-{number}"), Arc::clone(&clock));
        client.ask(&link).expect("a server without a fault answers");
        if barrier.wait().is_leader() {
            proxy.cut();
        }
        client.ask_until_unavailable(&link);
        client
    });

    server.kill();
    proxy.mend();
    server.restart();

    let notes = trail::Notes::of(clients.iter().map(|client| &client.notes));
    let recorded = Recorded::read(&server);
    trail::verify(&server, None).assert_intact();
    (trail::lost(&recorded, &notes), trail::broken(&recorded, &notes, WINDOW))
}
