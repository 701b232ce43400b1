//! Injection: texts that have broken other systems are stored as text or refused; see `vectors/`.

use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::{Value, json};

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
fn a_display_name_comes_back_as_it_went_in_or_is_refused() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut kept = 0;
    for (number, text) in inputs("display-name").into_iter().enumerate() {
        let answer = register(&server, number, &json!({ "display_name": text }));
        if answer.status == 201 {
            assert_eq!(answer.json()["display_name"], text);
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            kept += 1;
        } else {
            assert_eq!(answer.code(), "unacceptable_account", "{text:?}");
        }
    }
    assert!(kept > 0, "an ordinary name with an apostrophe is kept");
}

#[test]
fn no_email_reaches_a_second_mailbox() {
    let server = TestServer::start(TestDatabase::sqlite());
    for (number, text) in inputs("email-address").into_iter().enumerate() {
        let answer = register(&server, number, &json!({ "email": text }));
        if answer.status == 201 {
            let email = answer.field("email");
            assert_eq!(email, text);
            assert_eq!(email.matches('@').count(), 1);
            assert!(!email.contains([',', '<', '"', '\r', '\n', '\0']), "{email}");
        } else {
            assert!([400, 422].contains(&answer.status), "{text:?}: {}", answer.status);
        }
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
