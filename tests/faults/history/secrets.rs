//! No secret is in clear text in the log or in the database.

use std::fmt::Write;
use std::fs;

use portcullis_testkit::{PASSWORD, TestDatabase};

use super::client::{Client, WRONG_PASSWORD};
use crate::environment::SECRET;

/// The secrets among these that are found in the log or in the database.
pub(crate) fn leaked(log: &str, database: &TestDatabase, clients: &[Client]) -> Vec<String> {
    let places = [("the log", log.to_owned()), ("the database", contents(database))];
    let found = places.iter().flat_map(|(place, text)| {
        secrets(clients).into_iter().filter(|(_, secret)| text.contains(secret)).map(
            // The secret itself must not spread further.
            move |(name, _)| format!("{name} is in {place}"),
        )
    });
    found.collect()
}

/// The secret part of a token is its signature.
fn secrets(clients: &[Client]) -> Vec<(&'static str, String)> {
    const SAMPLE: usize = 8;
    let mut secrets = vec![
        ("the secret key", SECRET.to_owned()),
        ("a password", PASSWORD.to_owned()),
        ("a mistyped password", WRONG_PASSWORD.to_owned()),
    ];
    for session in clients.iter().flat_map(|client| client.sessions.iter().rev().take(SAMPLE)) {
        secrets.push(("an access token", signature(&session.access_token)));
        secrets.push(("a refresh token", signature(&session.refresh_token)));
        secrets.extend(session.binding.clone().map(|binding| ("a binding cookie", binding)));
    }
    secrets
}

fn signature(token: &str) -> String {
    let (_, signature) = token.rsplit_once('.').expect("a token has three parts");
    signature.to_owned()
}

/// The whole database: the bytes of the files, or every row of every table.
fn contents(database: &TestDatabase) -> String {
    let Some(path) = database.url().strip_prefix("sqlite:") else { return rows(database) };
    let mut text = String::new();
    for suffix in ["", "-wal"] {
        let bytes = fs::read(format!("{path}{suffix}")).unwrap_or_default();
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(text.contains("client-0@example.org"), "the files are not those of the database");
    text
}

fn rows(database: &TestDatabase) -> String {
    let tables = "SELECT CAST(table_name AS text) FROM information_schema.tables \
                  WHERE table_schema = current_schema()";
    let mut text = String::new();
    for table in database.store().texts(tables).expect("the database answers") {
        let query = format!("SELECT CAST(row AS text) FROM {table} row");
        for row in database.store().texts(&query).expect("the database answers") {
            writeln!(text, "{row}").expect("a text takes more text");
        }
    }
    assert!(text.contains("client-0@example.org"), "the rows are not those of the database");
    text
}
