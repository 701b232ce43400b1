//! Known answers: HOTP (RFC 4226 appendix D), TOTP (RFC 6238 appendix B), and the sequences of
//! accepted and refused codes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use portcullis_domain::{ExposeSecret, Timestamp};
use portcullis_mfa::{TotpSeed, TotpStep};
use serde::Deserialize;

#[derive(Deserialize)]
struct HotpCases {
    cases: Vec<HotpCase>,
}

#[derive(Deserialize)]
struct HotpCase {
    counter: i64,
    secret_base32: String,
    expected: String,
}

#[derive(Deserialize)]
struct TotpCases {
    cases: Vec<TotpCase>,
}

#[derive(Deserialize)]
struct TotpCase {
    time: i64,
    digits: u8,
    algorithm: String,
    secret_base32: String,
    expected: String,
}

#[derive(Deserialize)]
struct Behaviour {
    secret_base32: String,
    sequences: Vec<Sequence>,
}

#[derive(Deserialize)]
struct Sequence {
    id: String,
    steps: Vec<Try>,
}

#[derive(Deserialize)]
struct Try {
    now: i64,
    code: String,
    expect: String,
}

fn seed(base32: &str) -> TotpSeed {
    let alphabet = base32::Alphabet::Rfc4648 { padding: false };
    let bytes = base32::decode(alphabet, base32.trim_end_matches('=')).unwrap();
    TotpSeed::from_bytes(bytes.try_into().unwrap())
}

#[test]
fn the_values_of_rfc_4226_are_the_codes_of_their_steps() {
    let cases: HotpCases = serde_json::from_str(include_str!("vectors/hotp_rfc4226.json")).unwrap();
    for case in cases.cases {
        let seed = seed(&case.secret_base32);
        let code = seed.code_at(Timestamp::from_seconds(case.counter * 30));
        assert_eq!(code.expose_secret(), case.expected, "counter {}", case.counter);
    }
}

/// The published values have eight digits; a code of six digits is their end (RFC 4226 section 5.3).
#[test]
fn the_values_of_rfc_6238_are_the_codes_of_their_time() {
    let cases: TotpCases = serde_json::from_str(include_str!("vectors/totp.json")).unwrap();
    let mut compared = 0;
    for case in cases.cases.iter().filter(|case| case.algorithm == "SHA1") {
        let code = seed(&case.secret_base32).code_at(Timestamp::from_seconds(case.time));
        let end = &case.expected[usize::from(case.digits) - 6..];
        assert_eq!(code.expose_secret(), end, "time {}", case.time);
        compared += 1;
    }
    assert!(compared >= 15, "{compared}");
}

#[test]
fn every_sequence_of_codes_is_accepted_and_refused_as_written() {
    let behaviour: Behaviour =
        serde_json::from_str(include_str!("vectors/totp_behaviour.json")).unwrap();
    let seed = seed(&behaviour.secret_base32);
    for sequence in behaviour.sequences {
        let mut last: Option<TotpStep> = None;
        for attempt in sequence.steps {
            let now = Timestamp::from_seconds(attempt.now);
            let accepted = seed.verify(&attempt.code, now, last);
            let expected = attempt.expect == "accept";
            assert_eq!(accepted.is_some(), expected, "{} at {}", sequence.id, attempt.now);
            last = accepted.or(last);
        }
    }
}
