//! Injection: texts that have broken other systems are stored as text or refused; see `vectors/`.

use std::time::Duration;

use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::{Value, json};

use crate::member::Member;
use crate::registration::faults;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[test]
fn no_text_in_a_name_or_a_password_is_more_than_a_text() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("bystander");
        for text in every_input() {
            let registered = client.post(
                "/api/auth/register",
                &json!({ "username": text, "email": "new@example.org", "password": PASSWORD }),
            );
            assert!([201, 400, 409, 422].contains(&registered.status), "{text:?}");
            for answer in [client.sign_in_with(&text, PASSWORD), client.sign_in_with("x", &text)] {
                assert!([200, 400, 401].contains(&answer.status), "{text:?}: {}", answer.status);
            }
        }
        let store = server.database().store();
        let bystander = "SELECT count(*) FROM accounts WHERE username = 'bystander'";
        assert_eq!(store.number(bystander).unwrap(), 1);
        client.cookies().clear();
        assert_eq!(client.sign_in("bystander").status, 200);
    });
}

#[test]
fn a_display_name_comes_back_as_it_went_in_or_is_refused_wherever_it_is_given() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    let mut kept = 0;
    for (number, text) in every_input().into_iter().enumerate() {
        let name = json!({ "display_name": text });
        // The only text of the vectors that NFC changes: the sign of the unit kelvin is the letter.
        let text = text.replace('\u{212a}', "K");
        let patched = ada.send("PATCH", "/api/auth/me", &JSON, &name.to_string());
        let mut answers = vec![register(&server, number, &name), patched];
        server.database().mails();
        let invited = invite(&admin, &format!("invited-{number}@example.org"));
        assert_eq!(invited.status, 201);
        let token = server.database().only_link();
        answers.push(accept(&server, &token, &format!("invited-{number}"), &name));
        let is_kept = answers[0].status == 201;
        for answer in &answers {
            if is_kept {
                assert!([200, 201].contains(&answer.status), "{text:?}: {}", answer.text);
                assert_eq!(answer.json()["display_name"], text);
                assert_eq!(answer.header("content-type"), Some("application/json"));
                assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            } else {
                assert!([400, 422].contains(&answer.status), "{text:?}: {}", answer.text);
                assert_eq!(faults(answer), faults(&answers[0]), "{text:?}");
            }
        }
        if is_kept {
            assert_eq!(ada.get("/api/auth/me").json()["display_name"], text);
            server.clock().advance(Duration::from_secs(1));
            kept += 1;
        }
    }
    assert!((10..every_input().len()).contains(&kept), "{kept} are kept");
}

#[test]
fn a_user_name_is_one_name_or_is_refused_wherever_it_is_given() {
    let [open, invited, verified] = [
        RegistrationAnswer::Immediate,
        RegistrationAnswer::Immediate,
        RegistrationAnswer::Verified,
    ]
    .map(|registration_answer| {
        let settings = TestSettings { registration_answer, ..TestSettings::default() };
        TestServer::with(TestDatabase::sqlite(), settings)
    });
    let admin = Member::new(&invited, "grace", "admin");
    for server in [&open, &verified] {
        Member::new(server, "grace", "admin");
    }
    let mut kept = 0;
    for (number, text) in every_input().into_iter().enumerate() {
        let registered = register(&open, number, &json!({ "username": text }));
        assert_eq!(invite(&admin, &format!("person-{number}@example.org")).status, 201);
        let token = invited.database().only_link();
        let accepted = accept(&invited, &token, &text, &json!({}));
        let wanted = json!({ "username": format!("wanted-{number}") });
        assert_eq!(register(&verified, number, &wanted).status, 202);
        let token = verified.database().only_link();
        let body = json!({ "token": token, "username": text, "password": PASSWORD });
        let chosen = Browser::of(&verified).post("/api/auth/email/verify", &body);
        for answer in [&accepted, &chosen] {
            if registered.status == 201 {
                assert!([200, 201].contains(&answer.status), "{text:?}: {}", answer.text);
                assert_eq!(answer.field("username"), registered.field("username"), "{text:?}");
            } else {
                assert_eq!(answer.status, registered.status, "{text:?}: {}", answer.text);
                assert_eq!(answer.code(), registered.code(), "{text:?}");
                assert_eq!(faults(answer), faults(&registered), "{text:?}");
            }
        }
        kept += u32::from(registered.status == 201);
    }
    assert!(kept > 0, "an ordinary name is kept");
}

#[test]
fn no_address_reaches_a_second_mailbox_wherever_it_is_given() {
    let server = TestServer::start(TestDatabase::sqlite());
    let admin = Member::new(&server, "grace", "admin");
    let ada = Member::new(&server, "ada", "msa");
    let mut texts = inputs("email-address");
    // Further addresses: the first is well-formed, with characters that mean something elsewhere.
    texts.extend(["a%0abcc'b@x.test", "a\r\nBcc: b@evil.test", "<b@evil.test>"].map(str::to_owned));
    let mut stored = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let email = json!({ "email": text });
        let change = json!({ "email": text, "current_password": PASSWORD });
        let mut browser = Browser::of(&server);
        let answers = [
            register(&server, number, &email),
            ada.post("/api/auth/email/change", &change),
            invite(&admin, text),
            browser.post("/api/auth/email/resend", &email),
            browser.post("/api/auth/password/forgot", &email),
        ];
        for answer in &answers {
            let permitted = [201, 202, 400, 409, 422];
            assert!(permitted.contains(&answer.status), "{text:?}: {}", answer.text);
        }
        if answers[0].status == 201 {
            assert_eq!(answers[0].field("email"), *text);
            stored.push(text.clone());
        }
    }
    assert_eq!(stored, ["a%0abcc'b@x.test"]);
    let mailboxes = ["ada@example.org", "grace@example.org", &*stored[0]];
    let mails = server.database().mails();
    assert!(mails.iter().any(|mail| mail.recipient == stored[0]), "{mails:?}");
    for mail in mails {
        assert!(mailboxes.contains(&&*mail.recipient), "{mail:?}");
    }
}

#[test]
fn invisible_and_look_alike_spellings_of_a_taken_name_are_refused_or_are_that_name() {
    let server = TestServer::start(TestDatabase::sqlite());
    for taken in ["kate", "strasse", "istanbol"] {
        assert_eq!(Browser::of(&server).register(taken).status, 201);
    }
    for (number, text) in inputs("username-canonical").into_iter().enumerate() {
        let answer = register(&server, number, &json!({ "username": text }));
        // İ folds to an i with a second dot, which nobody can see.
        assert!([409, 422].contains(&answer.status), "{text:?}: {}", answer.text);
    }
}

#[test]
fn what_a_client_calls_itself_stays_on_one_line_of_the_audit_trail() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut client = Browser::of(&server);
        let long = "x".repeat(5_000);
        for agent in ["%n%s%x", "{\"level\":\"info\"}", "a\tb", "'; DROP TABLE accounts;--", &long]
        {
            let body = json!({ "username": "nobody", "password": PASSWORD }).to_string();
            let headers = [("content-type", "application/json"), ("user-agent", agent)];
            let answer = client.send("POST", "/api/auth/login/json", &headers, &body);
            assert_eq!(answer.status, 401);
        }
        let agents = server
            .database()
            .store()
            .texts("SELECT user_agent FROM security_events WHERE kind = 'sign_in' ORDER BY id")
            .expect("the database answers");
        assert_eq!(agents.len(), 5);
        for agent in agents {
            assert!(agent.chars().count() <= 256 && !agent.contains(char::is_control), "{agent}");
        }
    });
}

fn invite(admin: &Member, email: &str) -> Answer {
    admin.post("/api/admin/invitations", &json!({ "email": email, "role": "msa" }))
}

/// Accepts an invitation, with these further members.
fn accept(server: &TestServer, token: &str, username: &str, members: &Value) -> Answer {
    let mut body = json!({ "invitation": token, "username": username, "password": PASSWORD });
    for (name, value) in members.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    Browser::of(server).post("/api/auth/register", &body)
}

/// Registers with defaults for every field that is not in `fields`.
fn register(server: &TestServer, number: usize, fields: &Value) -> Answer {
    let mut body = json!({
        "username": format!("person-{number}"),
        "email": format!("person-{number}@example.org"),
        "password": PASSWORD,
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    Browser::of(server).post("/api/auth/register", &body)
}

fn every_input() -> Vec<String> {
    cases().iter().map(|case| case["input"].as_str().expect("a text").to_owned()).collect()
}

fn inputs(context: &str) -> Vec<String> {
    let cases = cases();
    let found = cases.iter().filter(|case| case["context"] == context);
    let inputs: Vec<_> =
        found.map(|case| case["input"].as_str().expect("a text").to_owned()).collect();
    assert!(!inputs.is_empty(), "no case of {context}");
    inputs
}

fn cases() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors/injection_cases.json"))
        .expect("the vectors are JSON");
    file["cases"].as_array().expect("a list").clone()
}
