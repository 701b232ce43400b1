//! Prints the times of each kind of refused sign-in, over 200 interleaved samples. They are never asserted,
//! because a busy machine must not fail a test. To see them:
//!
//! `tests/run -p portcullis-tests --test http refusal_times -- --nocapture`
//!
//! Some accounts have hashes of a higher cost, as after a change of the configuration. Then the distribution
//! of times must not distinguish unknown names from accounts: the same share of both takes the longer time.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock, SystemRandom};
use portcullis_password::{Argon2Params, Hasher, Password, Scratch};
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};

const SAMPLES: usize = 200;

/// Attempts at one account, fewer than would lock it.
const ATTEMPTS: usize = 4;

const KINDS: [&str; 6] = ["unknown", "wrong", "locked", "deactivated", "costlier", "damaged"];

#[test]
fn refusals_of_every_kind_are_alike_and_their_times_are_printed() {
    let mut server = TestServer::start(TestDatabase::sqlite());
    prepare(&server);
    // A node reads the costs in use when it starts.
    server.restart();
    let clock = SystemClock::new();
    let mut browser = Browser::of(&server);
    let mut times: [Vec<Duration>; 6] = Default::default();
    for sample in 0..SAMPLES {
        for (kind, times) in KINDS.iter().zip(&mut times) {
            let (name, password) = attempt(kind, sample / ATTEMPTS);
            let begun = clock.monotonic();
            let answer = browser.sign_in_with(&name, password);
            times.push(clock.monotonic().saturating_sub(begun));
            assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_credentials"));
        }
    }
    let [_, quick, _, _, slow, _] = times.clone().map(median);
    let between = (quick + slow) / 2;
    for (kind, times) in KINDS.iter().zip(times) {
        let longer = times.iter().filter(|time| **time > between).count() * 100 / times.len();
        println!("{kind:>12} median {:>10.2?}, {longer:>3} % over {between:.2?}", median(times));
    }
}

fn prepare(server: &TestServer) {
    let mut browser = Browser::of(server);
    let kinds = ["wrong", "gone", "costlier", "damaged"];
    let accounts = (0..SAMPLES / ATTEMPTS).flat_map(|n| kinds.map(|kind| format!("{kind}-{n}")));
    for name in accounts.chain(["locked".to_owned()]) {
        assert_eq!(browser.register(&name).status, 201, "{name}");
    }
    for _ in 0..5 {
        browser.sign_in_with("locked", "not-the-password-of-locked");
    }
    let params = Argon2Params::new(65_536, 3, 1).expect("within the bounds");
    let password = Password::parse(PASSWORD).expect("short enough");
    let costlier = Hasher::new(params, &SystemRandom)
        .hash(&password, &SystemRandom, &mut Scratch::default())
        .expect("there is memory");
    let costlier = costlier.as_str();
    for change in [
        "UPDATE accounts SET is_active = false WHERE username LIKE 'gone-%'",
        "UPDATE accounts SET password_hash = 'damaged' WHERE username LIKE 'damaged-%'",
        &format!(
            "UPDATE accounts SET password_hash = '{costlier}' WHERE username LIKE 'costlier-%'"
        ),
    ] {
        server.database().store().execute(change).expect("the database answers");
    }
}

fn attempt(kind: &str, number: usize) -> (String, &'static str) {
    const WRONG: &str = "not-the-password-of-this-one";
    match kind {
        "unknown" => (format!("nobody-{number}"), PASSWORD),
        "locked" => ("locked".to_owned(), PASSWORD),
        "deactivated" => (format!("gone-{number}"), PASSWORD),
        other => (format!("{other}-{number}"), WRONG),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
