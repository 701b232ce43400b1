//! API keys of a developer, by the pages.

use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer};

use crate::form::{location, signed_in, submit};

const WANTED: [(&str, &str); 5] = [
    ("name", "nightly <report>"),
    ("scope", "schedule:read\r\n"),
    ("networks", "127.0.0.0/8\n\n::1\n"),
    ("days", "30"),
    ("current_password", PASSWORD),
];

/// A signed-in developer.
fn developer(server: &TestServer) -> Browser {
    let browser = signed_in(server, "ada");
    let change = "UPDATE accounts SET kind = 'developer', role = 'admin'";
    server.database().store().execute(change).expect("the account is there");
    server.clock().advance(std::time::Duration::from_secs(2));
    browser
}

/// The key on the page that shows it.
fn shown(answer: &Answer) -> String {
    let key = answer.text.split_once("<code data-line>").expect("a key").1;
    key.split('<').next().expect("its end").to_owned()
}

fn accepted(server: &TestServer, key: &str) -> u16 {
    let authorization = format!("Bearer {key}");
    Browser::of(server).get("/api/auth/me", &[("authorization", &authorization)]).status
}

/// The path of the key in the list.
fn path(browser: &mut Browser) -> String {
    let list = browser.get("/console/api-keys", &[]);
    let path = list.text.split("href=\"").find(|part| part.contains("/rotate\""));
    let path = path.and_then(|path| path.split("/rotate").next());
    path.expect("a key is listed").to_owned()
}

#[test]
fn a_key_is_shown_once_replaced_and_revoked() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = developer(&server);
    assert!(browser.get("/console", &[]).text.contains("/console/api-keys"));
    assert!(browser.get("/console/api-keys", &[]).text.contains("There is no API key"));
    let first = submit(&mut browser, "/console/api-keys/new", &WANTED);
    assert_eq!(first.status, 200, "{}", first.text);
    let first = shown(&first);
    assert_eq!(accepted(&server, &first), 200);
    let list = browser.get("/console/api-keys", &[]).text;
    assert!(!list.contains(&first), "{list}");
    for text in ["nightly &#60;report&#62;", "schedule:read", "127.0.0.0/8, ::1/128"] {
        assert!(list.contains(text), "{text} in {list}");
    }

    let path = path(&mut browser);
    let wrong = submit(&mut browser, &format!("{path}/rotate"), &[("current_password", "x")]);
    assert_eq!(wrong.status, 403, "{}", wrong.text);
    let rotate = [("current_password", PASSWORD)];
    let second = shown(&submit(&mut browser, &format!("{path}/rotate"), &rotate));
    assert_ne!(first, second);
    assert_eq!(accepted(&server, &second), 200);
    assert_eq!(accepted(&server, &first), 200, "for another day");
    assert!(browser.get(&format!("{path}/revoke"), &[]).text.contains("nightly"));
    let revoked = submit(&mut browser, &format!("{path}/revoke"), &[]);
    assert_eq!(location(&revoked), "/console/api-keys");
    assert_eq!(accepted(&server, &first), 401);
    assert_eq!(submit(&mut browser, &format!("{path}/revoke"), &[]).status, 404);
}

#[test]
fn every_fault_is_told_at_its_field_and_what_was_typed_stays() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = developer(&server);
    let with = |name: &str, value: &'static str| {
        WANTED.map(|field| if field.0 == name { (field.0, value) } else { field })
    };
    for (name, value) in [
        ("name", ""),
        ("scope", "everything"),
        ("scope", ""),
        ("networks", "here"),
        ("days", "many"),
        ("days", "0"),
        ("days", "366"),
    ] {
        let refused = submit(&mut browser, "/console/api-keys/new", &with(name, value));
        assert_eq!(refused.status, 400, "{name} {value}: {}", refused.text);
        let fault = format!("id=\"{name}-fault\"");
        assert!(refused.text.contains(&fault), "{name} {value}: {}", refused.text);
        assert!(refused.text.contains(value), "{name} {value}: {}", refused.text);
        assert!(!refused.text.contains(PASSWORD), "a password is not repeated");
    }
}

#[test]
fn a_person_has_no_keys() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    assert!(!browser.get("/console", &[]).text.contains("/console/api-keys"));
    let refused = submit(&mut browser, "/console/api-keys/new", &WANTED);
    assert_eq!(refused.status, 403, "{}", refused.text);
}
