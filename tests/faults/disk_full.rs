//! The disk of a SQLite database is full for a while: no write is partial, no answered write is lost, and
//! the server works again without a restart when there is space.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::SystemClock;
use portcullis_testkit::{Browser, ServerProcess, TestDatabase};

use crate::environment::{environment, folder};
use crate::link::{Link, UnknownOutcome};
use crate::trail::{self, Client, Notes, Recorded};

/// Less than any transaction needs of the journal.
const FULL: u64 = 4096;

#[test]
fn a_full_disk_refuses_what_must_be_recorded_and_heals_without_a_restart() {
    let database = TestDatabase::sqlite();
    let (data, elsewhere) = (folder(), folder());
    let kept = elsewhere.path().join("checkpoint.json");
    let environment = environment(database.url(), &[]);
    let mut server = ServerProcess::start_on_small_disk(data.path(), &environment);
    let clock = Arc::new(SystemClock::new());
    let link = &Link::to(server.origin());
    let mut client = Client::new(server.origin(), "ada", Arc::clone(&clock));
    let mut chief = Client::admin(server.origin(), "chief", Arc::clone(&clock), &database);
    client.ask_batch(link).expect("a server without a fault answers");
    trail::keep_checkpoint(&server, &kept);
    let before = counts(&database);

    server.limit_files(Some(FULL));

    assert_eq!(client.register_as(link, "grace"), Err(UnknownOutcome::Unavailable));
    assert_eq!(client.sign_in(link), Err(UnknownOutcome::Unavailable));
    client.ask_until_unavailable(link);
    assert_eq!(chief.activate(link, 2), Err(UnknownOutcome::Unavailable));
    assert_eq!(counts(&database), before);
    assert!(client.is_known(link));
    let mut browser = Browser::at(server.origin());
    let ready = browser.get("/health/ready", &[]);
    assert_eq!((ready.status, ready.code().as_str()), (503, "unavailable"), "{}", ready.text);

    server.limit_files(None);

    assert!((0..30).any(|_| client.ask(link).is_ok()), "{}", server.log());
    assert_eq!(browser.get("/health/ready", &[]).status, 200, "{}", server.log());
    // A refused request has left nothing that blocks its repetition.
    client.register_as(link, "grace").expect("the name is free");
    client.sign_in(link).expect("there is room");
    chief.activate(link, 2).expect("there is room");
    assert_eq!(client.ask(link), Ok(true));
    let notes = Notes::of([&client.notes, &chief.notes]);
    assert_eq!(server.terminate().code(), Some(0));
    let recorded = Recorded::read(&server);
    assert_eq!(trail::broken(&recorded, &notes, Duration::ZERO), Vec::<String>::new());
    assert_eq!(trail::lost(&recorded, &notes), 0);
    trail::verify(&server, Some(&kept)).assert_intact();
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// The tables in which a refused request would have written a row.
fn counts(database: &TestDatabase) -> Vec<i64> {
    let tables =
        ["accounts", "sessions", "refresh_tokens", "security_events", "matrix_activations"];
    let count = |table| database.store().number(&format!("SELECT count(*) FROM {table}"));
    tables.iter().map(|table| count(table).expect("the database answers")).collect()
}
