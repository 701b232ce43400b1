//! Registration: all faults are reported at once, and concurrent requests create one account.

use portcullis_flows::identity::account_request::RegistrationMode;
use portcullis_testkit::{
    Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings, at_once,
};
use serde_json::{Value, json};

const CROWD: usize = 30;

#[test]
fn of_thirty_who_want_one_name_one_gets_it() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let answers =
            at_once(CROWD, |number| register(&server, "ada", &format!("ada{number}@example.org")));
        assert_one_account(&server, &answers, "username_taken");
    });
}

#[test]
fn of_thirty_who_want_names_that_look_alike_one_gets_his() {
    const SPELLINGS: &[&str] = &["paypal", "PAYPAL", "pаypаl", "paypa1", "ρaypal", "ｐａｙｐａｌ"];
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let answers = at_once(CROWD, |number| {
            let spelling = SPELLINGS[number % SPELLINGS.len()];
            register(&server, spelling, &format!("p{number}@example.org"))
        });
        assert_one_account(&server, &answers, "username_taken");
    });
}

#[test]
fn of_thirty_who_want_one_email_in_any_letter_case_one_gets_it() {
    const SPELLINGS: &[&str] = &["ada@example.org", "Ada@Example.org", "ADA@EXAMPLE.ORG"];
    const NAMES: &[&str] = &["ada", "birch", "cedar", "dune", "ember", "fjord"];
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let answers = at_once(CROWD, |number| {
            let name = format!("{}-{}", NAMES[number % 6], NAMES[number / 6]);
            register(&server, &name, SPELLINGS[number % SPELLINGS.len()])
        });
        assert_one_account(&server, &answers, "email_taken");
    });
}

#[test]
fn the_one_who_lost_can_take_another_name() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        assert_eq!(register(&server, "ada", "ada@example.org").status, 201);
        assert_eq!(register(&server, "Ada", "other@example.org").code(), "username_taken");
        assert_eq!(register(&server, "countess", "ADA@example.org").code(), "email_taken");
        assert_eq!(register(&server, "countess", "other@example.org").status, 201);
    });
}

#[test]
fn every_fault_is_named_at_once_with_its_field_and_a_stable_code() {
    let server = TestServer::start(TestDatabase::sqlite());
    let body = json!({
        "username": "a b",
        "email": "nowhere",
        "password": "password",
        "display_name": " Ada",
    });
    let answer = Browser::of(&server).post("/api/auth/register", &body);
    assert_eq!((answer.status, answer.code().as_str()), (422, "unacceptable_account"));
    assert_eq!(
        faults(&answer),
        [
            ("display_name".to_owned(), "malformed".to_owned()),
            ("email".to_owned(), "malformed".to_owned()),
            ("password".to_owned(), "too_common".to_owned()),
            ("password".to_owned(), "too_guessable".to_owned()),
            ("password".to_owned(), "too_short".to_owned()),
            ("username".to_owned(), "forbidden_character".to_owned()),
        ]
    );
    for fault in answer.json()["errors"].as_array().unwrap() {
        assert!(fault["message"].as_str().is_some_and(|message| message.len() > 10), "{fault}");
    }
}

#[test]
fn a_refused_password_is_in_no_part_of_the_answer() {
    let server = TestServer::start(TestDatabase::sqlite());
    let body = json!({ "username": "ada", "email": "ada@example.org", "password": "hunter2" });
    let answer = Browser::of(&server).post("/api/auth/register", &body);
    assert_eq!(answer.status, 422);
    assert!(!format!("{answer:?}").contains("hunter2"));
}

#[test]
fn a_password_over_1024_bytes_is_refused_before_anything_is_looked_at() {
    let server = TestServer::start(TestDatabase::sqlite());
    let events = "SELECT count(*) FROM security_events";
    let events = || server.database().store().number(events).expect("the database answers");
    let before = events();
    let mut client = Browser::of(&server);
    let long = "ä".repeat(513);
    let body = json!({ "username": "!", "email": "!", "password": long });
    let answer = client.post("/api/auth/register", &body);
    assert_eq!((answer.status, answer.code().as_str()), (400, "password_too_long"));
    let answer = client.sign_in_with("nobody", &long);
    assert_eq!((answer.status, answer.code().as_str()), (400, "password_too_long"));
    assert_eq!(events(), before);
}

#[test]
fn reserved_names_are_refused_in_any_disguise() {
    let server = TestServer::start(TestDatabase::sqlite());
    for username in ["admin", "ADMIN", "R00T", "аdmin", "ａdmin"] {
        let answer = register(&server, username, "someone@example.org");
        let fault = ("username".to_owned(), "reserved".to_owned());
        assert_eq!(faults(&answer), [fault], "{username}");
    }
}

#[test]
fn where_registration_is_closed_nobody_registers() {
    for (registration, code) in [
        (RegistrationMode::Closed, "registration_closed"),
        (RegistrationMode::AdminOnly, "administrators_only"),
        (RegistrationMode::Invite, "invitation_required"),
    ] {
        let settings = TestSettings { registration, ..TestSettings::default() };
        let server = TestServer::with(TestDatabase::sqlite(), settings);
        let answer = register(&server, "ada", "ada@example.org");
        assert_eq!((answer.status, answer.code().as_str()), (403, code));
    }
}

#[test]
fn nobody_chooses_a_role_or_anything_else_that_is_not_theirs_to_choose() {
    let server = TestServer::start(TestDatabase::sqlite());
    for (field, value) in [
        ("role", json!("admin")),
        ("is_active", json!(true)),
        ("email_verified", json!(true)),
        ("id", json!("019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
        ("__proto__", json!({})),
    ] {
        let mut body =
            json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
        body[field] = value;
        let answer = Browser::of(&server).post("/api/auth/register", &body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
        assert_eq!(faults(&answer), [(field.to_owned(), "unknown".to_owned())]);
    }
}

fn register(server: &TestServer, username: &str, email: &str) -> Answer {
    let body = json!({ "username": username, "email": email, "password": PASSWORD });
    Browser::of(server).post("/api/auth/register", &body)
}

fn assert_one_account(server: &TestServer, answers: &[Answer], refusal: &str) {
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status == 201);
    assert_eq!((made.len(), refused.len()), (1, CROWD - 1));
    for answer in refused {
        assert_eq!((answer.status, answer.code().as_str()), (409, refusal));
    }
    let count = |sql| server.database().store().number(sql).expect("the database answers");
    assert_eq!(count("SELECT count(*) FROM accounts"), 1);
    assert_eq!(count("SELECT count(*) FROM security_events WHERE kind = 'registration'"), 1);
}

/// Field and code of every fault, sorted.
pub(crate) fn faults(answer: &Answer) -> Vec<(String, String)> {
    let body = answer.json();
    let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |error: &Value, member: &str| error[member].as_str().unwrap_or_default().to_owned();
    let mut faults: Vec<_> =
        errors.iter().map(|error| (text(error, "field"), text(error, "code"))).collect();
    faults.sort();
    faults
}
