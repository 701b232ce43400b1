//! Prints the times of requests for reset links, over 200 interleaved samples of each kind of address. They
//! are never asserted, because a busy machine must not fail a test. To see them:
//!
//! `tests/run -p portcullis-tests --test http reset_request_times -- --nocapture`
//!
//! The contract test of the storage asserts their cause: the statements are the same for every kind.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, TestDatabase, TestServer};
use serde_json::json;

const SAMPLES: usize = 200;

const KINDS: [&str; 3] = ["known", "unknown", "deactivated"];

#[test]
fn requests_for_every_kind_of_address_are_alike_and_their_times_are_printed() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        // The first requests of a connection and of a statement take longer.
        for number in 0..10 {
            ask(&mut browser, "unknown", SAMPLES + number);
        }
        for number in 0..SAMPLES {
            insert(&server, "known", number);
            insert(&server, "deactivated", number);
        }
        let gone = "UPDATE accounts SET is_active = false WHERE username LIKE 'deactivated-%'";
        server.database().store().execute(gone).expect("the database answers");
        let mut times: [Vec<Duration>; 3] = Default::default();
        for number in 0..SAMPLES {
            for (kind, times) in KINDS.iter().zip(&mut times) {
                times.push(ask(&mut browser, kind, number));
            }
        }
        let medians = times.map(median);
        for (kind, median) in KINDS.iter().zip(medians) {
            let percent = median.as_secs_f64() / medians[1].as_secs_f64() * 100.0;
            println!("{kind:>12} median {median:>10.2?}, {percent:>5.1} % of unknown");
        }
    });
}

fn ask(browser: &mut Browser, kind: &str, number: usize) -> Duration {
    let clock = SystemClock::new();
    let body = json!({ "email": format!("{kind}-{number}@example.org") });
    let begun = clock.monotonic();
    let answer = browser.post("/api/auth/password/forgot", &body);
    let time = clock.monotonic().saturating_sub(begun);
    assert_eq!(answer.status, 202);
    time
}

fn insert(server: &TestServer, kind: &str, number: usize) {
    use portcullis_audit::{EventKind, Outcome};
    use portcullis_flows::access::matrix::MatrixStore;
    use portcullis_flows::identity::registration::{NewAccount, RegistrationStore};
    use portcullis_testkit::samples;

    let store = server.database().store();
    let account = samples::account(&format!("{kind}-{number}"));
    let event = samples::event(EventKind::AccountCreated, Outcome::Success, samples::NOW);
    let newest = store.newest_activation().expect("the database answers");
    let new = NewAccount {
        account: &account,
        password_hash: Some(&samples::password_hash()),
        revision: newest.map_or(0, |newest| newest.revision),
        effects: &event.into(),
        must_verify_email: false,
    };
    store.create(&new).expect("the database takes the account");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
