//! How long each kind of refusal takes, over 200 interleaved samples. The medians are printed, never
//! asserted: a busy machine must not fail a test. To see them:
//!
//! `tests/run -p portcullis-tests --test http refusal_times -- --nocapture`

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};

const SAMPLES: usize = 200;

/// Attempts at one account, fewer than would lock it.
const ATTEMPTS: usize = 4;

const KINDS: [&str; 4] = ["unknown", "wrong", "locked", "deactivated"];

#[test]
fn refusals_of_every_kind_are_alike_and_their_median_times_are_printed() {
    let server = TestServer::start(TestDatabase::sqlite());
    prepare(&server);
    let clock = SystemClock::new();
    let mut browser = Browser::of(&server);
    let mut times: [Vec<Duration>; 4] = Default::default();
    for sample in 0..SAMPLES {
        for (kind, times) in KINDS.iter().zip(&mut times) {
            let (name, password) = attempt(kind, sample / ATTEMPTS);
            let begun = clock.monotonic();
            let answer = browser.sign_in_with(&name, password);
            times.push(clock.monotonic().saturating_sub(begun));
            assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_credentials"));
        }
    }
    let medians = times.map(median);
    for (kind, median) in KINDS.iter().zip(medians) {
        let ratio = median.as_secs_f64() / medians[0].as_secs_f64();
        println!("{kind:>12} {median:>10.2?}  {ratio:.3} of unknown");
    }
}

fn prepare(server: &TestServer) {
    let mut browser = Browser::of(server);
    let accounts =
        (0..SAMPLES / ATTEMPTS).flat_map(|n| [format!("wrong-{n}"), format!("gone-{n}")]);
    for name in accounts.chain(["locked".to_owned()]) {
        assert_eq!(browser.register(&name).status, 201, "{name}");
    }
    for _ in 0..5 {
        browser.sign_in_with("locked", "not-the-password-of-locked");
    }
    let deactivate = "UPDATE accounts SET is_active = false WHERE username LIKE 'gone-%'";
    server.database().store().execute(deactivate).expect("the database answers");
}

fn attempt(kind: &str, number: usize) -> (String, &'static str) {
    match kind {
        "unknown" => (format!("nobody-{number}"), PASSWORD),
        "wrong" => (format!("wrong-{number}"), "not-the-password-of-this-one"),
        "locked" => ("locked".to_owned(), PASSWORD),
        _ => (format!("gone-{number}"), PASSWORD),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
