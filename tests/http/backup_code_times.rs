//! The time of a second step by backup code is the same for a code in any slot and for a wrong one: the medians
//! of interleaved samples differ by 10 % at most. They are printed too:
//!
//! `tests/run -p portcullis-tests --test http backup_code_times -- --nocapture`
//!
//! A busy machine disturbs single samples and not a whole run, so that one of a few runs must be alike. A further
//! hash for each slot would double the time in every run.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

use crate::member::Member;

/// Samples of each kind in a run.
const SAMPLES: usize = 25;

const RUNS: usize = 4;

/// The ten slots, and a code of none.
const KINDS: usize = 11;

/// A well-formed code that no set contains.
const WRONG: &str = "0123-4567-89AB-CDEF";

#[test]
fn a_backup_code_of_any_slot_takes_as_long_as_a_wrong_one() {
    TestDatabase::on_both(|database| {
        let sessions = SessionPolicy { most_sessions: 100_000, ..TestSettings::default().sessions };
        let server =
            TestServer::with(database, TestSettings { sessions, ..TestSettings::default() });
        let mut ada = Member::new(&server, "ada", "msa");
        ada.enrol_app(&server);
        let password = json!({ "current_password": PASSWORD });
        let codes = ada.post("/api/auth/mfa/backup-codes", &password).json();
        let codes: Vec<&str> = codes["codes"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|code| code.as_str().expect("a code"))
            .collect();
        let codes = [codes.as_slice(), &[WRONG]].concat();
        // The first requests of a connection and of a statement take longer.
        sample(&server, &codes);
        let alike = (0..RUNS).any(|run| {
            let mut times: [Vec<Duration>; KINDS] = Default::default();
            for _ in 0..SAMPLES {
                for (time, times) in sample(&server, &codes).into_iter().zip(&mut times) {
                    times.push(time);
                }
            }
            let medians = times.map(median);
            let wrong = medians[KINDS - 1].as_secs_f64();
            let ratios = medians.map(|median| median.as_secs_f64() / wrong);
            println!("run {run}: wrong {:.2?}, slots {ratios:.3?} of it", medians[KINDS - 1]);
            ratios.iter().all(|ratio| (0.9..=1.1).contains(ratio))
        });
        assert!(alike, "no run of {RUNS}: see the printed ratios");
    });
}

/// The time of one second step with each code, which is unused.
fn sample(server: &TestServer, codes: &[&str]) -> Vec<Duration> {
    let unused = "UPDATE backup_codes SET used_at = NULL";
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
