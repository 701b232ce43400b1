//! The parts of the API document that generated clients are built from: the ids of the operations, the server, the
//! credentials, the cookies, and the enumerations.

use std::collections::BTreeSet;
use std::fmt::Write;

use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings, contract};
use serde_json::Value;

use crate::document::operations;

/// The first words of the ids.
const VERBS: [&str; 39] = [
    "activate",
    "answer",
    "change",
    "check",
    "compare",
    "confirm",
    "create",
    "delete",
    "disable",
    "disavow",
    "end",
    "export",
    "forget",
    "generate",
    "get",
    "introspect",
    "list",
    "refresh",
    "register",
    "remove",
    "rename",
    "replace",
    "replay",
    "report",
    "request",
    "resend",
    "reset",
    "retire",
    "revoke",
    "roll",
    "rotate",
    "search",
    "sign",
    "start",
    "step",
    "unlock",
    "update",
    "validate",
    "verify",
];

#[test]
fn every_operation_has_a_unique_id_of_a_verb_and_its_object() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().expect("an operation has an id").to_owned();
        let words = id.split(|letter: char| letter.is_ascii_uppercase());
        let verb = words.clone().next().unwrap_or_default();
        assert!(id.chars().all(|letter| letter.is_ascii_alphabetic()), "{method} {path}: {id}");
        assert!(VERBS.contains(&verb) && words.count() > 1, "{method} {path}: {id}");
        assert!(ids.insert(id), "{method} {path}: another operation has its id");
    }
}

#[test]
fn the_ids_are_these_ones() {
    let mut table = String::new();
    let mut rows: Vec<_> = operations()
        .into_iter()
        .map(|(method, path, operation)| (path, method.to_uppercase(), operation))
        .collect();
    rows.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    for (path, method, operation) in rows {
        let id = operation["operationId"].as_str().unwrap_or_default();
        writeln!(table, "{id:<24} {method} {path}").expect("a text takes every line");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_server_is_the_one_that_serves_the_document() {
    let servers = contract::document()["servers"].as_array().expect("there are servers");
    let urls: Vec<&Value> = servers.iter().map(|server| &server["url"]).collect();
    assert_eq!(urls, ["/"]);
}

#[test]
fn the_credentials_of_both_cookie_modes_are_described() {
    let schemes = &contract::document()["components"]["securitySchemes"];
    for (_, scheme) in schemes.as_object().into_iter().flatten() {
        assert!(scheme["description"].is_string(), "{scheme}");
    }
    for (secure, scheme) in [(true, "cookie"), (false, "cookie_over_http")] {
        let settings = TestSettings { secure_cookies: secure, ..TestSettings::default() };
        let server = TestServer::with(TestDatabase::sqlite(), settings);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let signed_in = browser.sign_in("ada");
        let name = schemes[scheme]["name"].as_str().expect("a cookie has a name");
        assert!(signed_in.set_cookie(name).is_some(), "{name}: {:?}", signed_in.headers);
    }
    let mut seen = 0;
    for (method, path, operation) in operations() {
        let accepted = operation["security"].as_array().expect("there is a list");
        let by = |name| accepted.iter().find(|one| !one[name].is_null());
        let csrf = |name| by(name).map(|one| !one["csrf"].is_null());
        assert_eq!(csrf("cookie"), csrf("cookie_over_http"), "{method} {path}");
        assert!(csrf("cookie").is_none_or(|has| has == (method != "get")), "{method} {path}");
        seen += usize::from(by("cookie").is_some());
    }
    assert!(seen > 50, "{seen} operations");
}

/// The operations whose response sets or deletes a cookie. The contract compares each response with them.
#[test]
fn every_cookie_is_described_for_both_cookie_modes() {
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        for (status, response) in operation["responses"].as_object().into_iter().flatten() {
            let header = &response["headers"]["Set-Cookie"];
            if header.is_null() {
                continue;
            }
            let request = format!("{method} {path} {status}");
            ids.insert(operation["operationId"].as_str().unwrap_or_default().to_owned());
            let examples = header["examples"].as_object().expect("there are examples");
            assert!(examples.len() >= 2, "{request}");
            for (name, example) in examples {
                let line = example["value"].as_str().expect("an example is a line");
                assert_eq!(contract::cookie_fault(header, line), None, "{request}");
                let is_secure = line.contains("; Secure; ");
                assert_eq!(is_secure, name.starts_with("__Host-"), "{request}: {line}");
                let other = name.strip_prefix("__Host-").map(str::to_owned);
                let other = other.unwrap_or_else(|| format!("__Host-{name}"));
                assert!(examples.contains_key(&other), "{request}: {other}");
                let about = header["description"].as_str().unwrap_or_default();
                let secure_name = if is_secure { name } else { &other };
                assert!(about.contains(&format!("`{secure_name}`")), "{request}: {about}");
            }
        }
    }
    let expected = [
        "answerSecondFactor",
        "changePassword",
        "confirmTotpEnrolment",
        "deleteOwnAccount",
        "endAllSessions",
        "endSession",
        "forgetDevice",
        "refreshTokens",
        "registerPasskey",
        "signIn",
        "signInWithForm",
        "signInWithPasskey",
        "signOut",
        "signOutEverywhere",
        "startPasskeySignIn",
        "stepUpSession",
    ];
    assert_eq!(ids, expected.map(str::to_owned).into());
}

#[test]
fn a_cookie_that_the_document_does_not_describe_is_found() {
    let document = contract::document();
    let response = &document["paths"]["/api/auth/refresh"]["post"]["responses"]["200"];
    let header = &response["headers"]["Set-Cookie"];
    let fault = |line| contract::cookie_fault(header, line);
    assert_eq!(fault("access_token=v; HttpOnly; SameSite=Lax; Path=/; Max-Age=60"), None);
    for line in [
        "device=v; HttpOnly; SameSite=Strict; Path=/; Max-Age=60",
        "access_token=v; SameSite=Lax; Path=/; Max-Age=60",
        "access_token=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60",
        "access_token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0",
        "__Host-access_token=v; HttpOnly; SameSite=Lax; Path=/; Max-Age=60",
    ] {
        assert!(fault(line).is_some(), "{line}");
    }
}

#[test]
fn every_text_with_a_closed_list_of_words_is_an_enumeration() {
    let (mut open, mut enumerations) = (Vec::new(), 0);
    collect(contract::document(), "", &mut open, &mut enumerations);
    assert_eq!(open, [""; 0]);
    assert!(enumerations > 70, "{enumerations} enumerations");
}

/// Collects the places of texts without an enumeration whose pattern or description lists words.
fn collect(value: &Value, place: &str, open: &mut Vec<String>, enumerations: &mut usize) {
    match value {
        Value::Object(members) => {
            *enumerations += usize::from(members.contains_key("enum"));
            // The description of a parameter or of an array is beside its schema.
            let schema = ["schema", "items"].iter().find_map(|name| members.get(*name));
            let schema = schema.unwrap_or(value);
            let is_text = schema["type"] == "string" || schema["type"][0] == "string";
            let described = value["description"].as_str().unwrap_or_default();
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            let is_list = describes_words(described) || is_pattern_of_words(pattern);
            if is_text && schema["enum"].is_null() && is_list {
                open.push(place.to_owned());
            }
            for (name, member) in members {
                collect(member, &format!("{place}/{name}"), open, enumerations);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(number, item)| {
            collect(item, &format!("{place}/{number}"), open, enumerations);
        }),
        _ => {}
    }
}

/// True for a text with "`one` or `two`".
fn describes_words(text: &str) -> bool {
    let parts: Vec<&str> = text.split('`').collect();
    let mut lists = parts.windows(3).skip(1).step_by(2);
    lists.any(|part| part[1] == " or " && is_word(part[0]) && is_word(part[2]))
}

/// True for `^(one|two)$`.
fn is_pattern_of_words(pattern: &str) -> bool {
    let alternatives = pattern.strip_prefix("^(").and_then(|it| it.strip_suffix(")$"));
    alternatives.is_some_and(|it| it.split('|').all(is_word))
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

#[test]
fn a_list_of_words_is_recognised() {
    assert!(describes_words("The status: `live` or `ready`."));
    assert!(describes_words("`user`, `developer` or `service`"));
    assert!(!describes_words("The value as JSON, such as `30` or `[1]`, or `null`."));
    assert!(is_pattern_of_words("^(minute|hour|day)$"));
    assert!(!is_pattern_of_words("^[0-9a-f]{16}$"));
}
