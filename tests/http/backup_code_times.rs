//! Prints the times of a second step by backup code: for a code in each of the ten slots, and for a wrong one,
//! over interleaved samples. They are never asserted, because a busy machine must not fail a test. To see them:
//!
//! `tests/run --release -p portcullis-tests --test http backup_code_times -- --nocapture`
//!
//! Their cause is a test of `crates/password/tests/pool.rs`: the ten hashes have one salt and one cost, so that one
//! computation finds a code whichever it is.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

use crate::member::Member;

const SAMPLES: usize = 30;

/// The ten slots, and a code of none.
const KINDS: usize = 11;

/// A well-formed code that no set contains.
const WRONG: &str = "0123-4567-89AB-CDEF";

#[test]
fn backup_codes_of_every_slot_take_one_hash_and_their_times_are_printed() {
    TestDatabase::on_both(|database| {
        let sessions = SessionPolicy { most_sessions: 100_000, ..TestSettings::default().sessions };
        let settings = TestSettings { sessions, ..TestSettings::default() };
        let server = TestServer::with(database, settings);
        let mut ada = Member::new(&server, "ada", "msa");
        ada.enrol_app(&server);
        let password = json!({ "current_password": PASSWORD });
        let codes = ada.post("/api/auth/mfa/backup-codes", &password).json();
        let codes = codes["codes"].as_array().expect("a list").iter();
        let codes: Vec<&str> =
            codes.map(|code| code.as_str().expect("a code")).chain([WRONG]).collect();
        assert_eq!(codes.len(), KINDS);

        // The first requests of a connection and of a statement take longer.
        sample(&server, &codes);
        let mut times: [Vec<Duration>; KINDS] = Default::default();
        for _ in 0..SAMPLES {
            for (time, times) in sample(&server, &codes).into_iter().zip(&mut times) {
                times.push(time);
            }
        }
        let medians = times.map(median);
        for (slot, median) in (1..).zip(medians) {
            let kind = if slot < KINDS { format!("slot {slot}") } else { "wrong".to_owned() };
            let percent = median.as_secs_f64() / medians[KINDS - 1].as_secs_f64() * 100.0;
            println!("{kind:>12} median {median:>10.2?}, {percent:>5.1} % of wrong");
        }
    });
}

/// The time of one second step with each code; all of them are unused before.
fn sample(server: &TestServer, codes: &[&str]) -> Vec<Duration> {
    let unused = "UPDATE backup_codes SET used = 0";
    server.database().store().execute(unused).expect("the database answers");
    let clock = SystemClock::new();
    let mut browser = Browser::of(server);
    let step = |code: &&str| {
        let token = browser.sign_in_for_tokens("ada").field("mfa_token");
        let answer = json!({ "mfa_token": token, "code": code });
        let begun = clock.monotonic();
        let answer = browser.post("/api/auth/login/mfa", &answer);
        let time = clock.monotonic().saturating_sub(begun);
        assert_eq!(answer.status, if *code == WRONG { 401 } else { 200 }, "{}", answer.text);
        time
    };
    codes.iter().map(step).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
