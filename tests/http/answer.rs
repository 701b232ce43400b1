//! Answers as the snapshots show them: members that differ in each run are redacted.

use portcullis_testkit::Answer;
use serde_json::{Value, json};

/// The body, with a placeholder for every value that differs between runs.
pub(crate) fn redacted(answer: &Answer) -> Value {
    let mut body = answer.json();
    redact(&mut body);
    body
}

fn redact(value: &mut Value) {
    const RANDOM: &[&str] =
        &["id", "session_id", "request_id", "access_token", "refresh_token", "csrf_token"];
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        match member {
            Value::String(text) if RANDOM.contains(&name.as_str()) && !text.is_empty() => {
                *member = json!("[random]");
            }
            other => redact(other),
        }
    }
}

/// The expected account after a registration with the defaults of the tests.
pub(crate) fn account(username: &str) -> Value {
    json!({
        "id": "[random]",
        "username": username,
        "email": format!("{username}@example.org"),
        "display_name": null,
        "kind": "user",
        "role": "msa",
        "is_active": true,
        "is_blocked": false,
        "email_verified": false,
        "password_must_change": false,
        "mfa_enabled": false,
        "created_at": "2027-01-15T08:00:00Z",
        "last_sign_in_at": null,
    })
}

/// The expected account after its first sign-in, at the start time of the test clock.
pub(crate) fn account_signed_in(username: &str) -> Value {
    let mut account = account(username);
    account["last_sign_in_at"] = json!("2027-01-15T08:00:00Z");
    account
}

/// The names of all headers, in order.
pub(crate) fn header_names(answer: &Answer) -> Vec<&str> {
    let mut names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}
