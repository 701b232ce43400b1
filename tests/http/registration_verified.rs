//! Registration with an answer that reveals nothing. The times of each kind of registration are printed, over
//! 200 interleaved samples, and never asserted, because a busy machine must not fail a test. To see them:
//!
//! `tests/run -p portcullis-tests --test http registration_verified -- --nocapture`

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

use crate::registration::faults;

const SAMPLES: usize = 200;

/// Mails that an address gets in an hour.
const MAILS: usize = 5;

#[test]
fn the_answer_is_the_same_for_a_free_and_a_taken_name_or_address() {
    TestDatabase::on_both(|database| {
        let server = TestServer::with(database, settings());
        let first = register(&server, "ada", "ada@example.org");
        let link = server.database().only_link();
        let verified =
            Browser::of(&server).post("/api/auth/email/verify", &json!({ "token": link }));
        assert_eq!(verified.status, 200);
        assert_eq!(verified.json(), json!({ "username": "ada", "email": "ada@example.org" }));
        let answers = [
            first,
            register(&server, "grace", "grace@example.org"),
            register(&server, "ada", "other@example.org"),
            register(&server, "someone", "ADA@example.org"),
        ];
        for answer in &answers {
            assert_eq!(seen(answer), seen(&answers[0]));
            assert_eq!(answer.status, 202);
        }
        assert_eq!(Browser::of(&server).sign_in("ada").status, 200);
    });
}

#[test]
fn the_faults_of_a_password_and_of_a_name_are_told_at_once() {
    let server = TestServer::with(TestDatabase::sqlite(), settings());
    let body = json!({ "username": "root", "email": "ada@example.org", "password": "password" });
    let answer = Browser::of(&server).post("/api/auth/register", &body);
    assert_eq!((answer.status, answer.code().as_str()), (422, "unacceptable_account"));
    assert!(faults(&answer).contains(&("password".to_owned(), "too_common".to_owned())));
    assert!(faults(&answer).contains(&("username".to_owned(), "reserved".to_owned())));
}

#[test]
fn the_holder_of_a_link_chooses_another_name_if_the_wished_one_is_taken() {
    let server = TestServer::with(TestDatabase::sqlite(), settings());
    let mut browser = Browser::of(&server);
    let [ada, eve] = ["ada@example.org", "eve@example.org"].map(|email| {
        register(&server, "ada", email);
        server.database().only_link()
    });
    let verify = |browser: &mut Browser, body| browser.post("/api/auth/email/verify", &body);
    assert_eq!(verify(&mut browser, json!({ "token": ada })).status, 200);
    let taken = verify(&mut browser, json!({ "token": eve }));
    assert_eq!((taken.status, taken.code().as_str()), (409, "username_taken"));
    let half = verify(&mut browser, json!({ "token": eve, "username": "eve" }));
    assert_eq!((half.status, half.code().as_str()), (400, "invalid_request"));
    assert_eq!(faults(&half), [("password".to_owned(), "incomplete".to_owned())]);
    let other =
        json!({ "token": eve, "username": "eve", "password": "amber-walrus-paints-9-fences" });
    let verified = verify(&mut browser, other);
    assert_eq!((verified.status, verified.field("username").as_str()), (200, "eve"));
    let used = verify(&mut browser, json!({ "token": eve }));
    assert_eq!((used.status, used.code().as_str()), (410, "invalid_link"));
    for token in ["", "x", "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs"] {
        let unknown = verify(&mut browser, json!({ "token": token }));
        assert_eq!((unknown.status, unknown.code().as_str()), (410, "invalid_link"), "{token}");
    }
}

#[test]
fn the_times_of_every_kind_of_registration_are_printed() {
    let server = TestServer::with(TestDatabase::sqlite(), settings());
    let store = server.database().store();
    for number in 0..SAMPLES / MAILS {
        register(&server, &format!("owner-{number}"), &format!("owner-{number}@example.org"));
    }
    for mail in server.database().mails() {
        let body = json!({ "token": mail.token.expect("a link") });
        assert_eq!(Browser::of(&server).post("/api/auth/email/verify", &body).status, 200);
    }
    store.execute("DELETE FROM mail_allowances").expect("the database answers");
    let clock = SystemClock::new();
    let mut browser = Browser::of(&server);
    let mut times: [Vec<Duration>; 3] = Default::default();
    for sample in 0..SAMPLES {
        let owner = sample / MAILS;
        let kinds = [
            (format!("free-{sample}"), format!("free-{sample}@example.org")),
            (format!("owner-{owner}"), format!("other-{sample}@example.org")),
            (format!("eve-{sample}"), format!("owner-{owner}@example.org")),
        ];
        for ((username, email), times) in kinds.into_iter().zip(&mut times) {
            let body = json!({ "username": username, "email": email, "password": PASSWORD });
            let begun = clock.monotonic();
            let answer = browser.post("/api/auth/register", &body);
            times.push(clock.monotonic().saturating_sub(begun));
            assert_eq!(answer.status, 202);
        }
    }
    for (kind, mut times) in ["free", "name taken", "address taken"].into_iter().zip(times) {
        times.sort_unstable();
        println!("{kind:>14} median {:>10.2?}", times[SAMPLES / 2]);
    }
}

fn settings() -> TestSettings {
    TestSettings { registration_answer: RegistrationAnswer::Verified, ..TestSettings::default() }
}

fn register(server: &TestServer, username: &str, email: &str) -> Answer {
    let body = json!({ "username": username, "email": email, "password": PASSWORD });
    Browser::of(server).post("/api/auth/register", &body)
}

/// What a client sees of an answer, without the values that differ between any two requests.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let differs = |name: &str| ["x-request-id", "date", "ratelimit"].contains(&name);
    let mut headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !differs(name)).cloned().collect();
    headers.sort();
    (answer.status, headers, answer.text.clone())
}
