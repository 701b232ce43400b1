//! The state of the database, read in one statement and thus at one moment.

use std::collections::BTreeMap;

use portcullis_testkit::TestDatabase;

/// The data that the rules need. Ids are 32 hexadecimal digits; a missing value is `-`.
#[derive(Default)]
pub(crate) struct Stored {
    /// Ids of accounts.
    pub(crate) accounts: Vec<String>,
    pub(crate) sessions: BTreeMap<String, SessionRow>,
    pub(crate) tokens: BTreeMap<String, TokenRow>,
    pub(crate) events: Vec<EventRow>,
    /// Consecutive failed sign-ins of each name.
    pub(crate) failures: Vec<u32>,
}

pub(crate) struct SessionRow {
    pub(crate) current: String,
    pub(crate) previous: String,
    /// The reason of its end.
    pub(crate) end: Option<String>,
}

pub(crate) struct TokenRow {
    pub(crate) session: String,
    pub(crate) parent: String,
    /// The operation that created it.
    pub(crate) operation: String,
}

#[derive(Clone)]
pub(crate) struct EventRow {
    pub(crate) kind: String,
    pub(crate) outcome: String,
    pub(crate) subject: String,
    pub(crate) session: String,
    /// The operation that it describes.
    pub(crate) operation: String,
}

impl Stored {
    /// Reads the state.
    pub(crate) fn read(database: &TestDatabase) -> Self {
        let mut stored = Self::default();
        for row in database.store().texts(&query(database)).expect("the database answers") {
            let columns: Vec<&str> = row.split(' ').collect();
            stored.take(&columns);
        }
        stored
    }

    fn take(&mut self, columns: &[&str]) {
        let text = |index: usize| columns[index].to_owned();
        match columns[0] {
            "account" => self.accounts.push(text(1)),
            "session" => {
                let end = (columns[4] != "-").then(|| text(4));
                let row = SessionRow { current: text(2), previous: text(3), end };
                self.sessions.insert(text(1), row);
            }
            "token" => {
                let row = TokenRow { session: text(2), parent: text(3), operation: text(4) };
                self.tokens.insert(text(1), row);
            }
            "event" => self.events.push(EventRow {
                kind: text(1),
                outcome: text(2),
                subject: text(3),
                session: text(4),
                operation: text(5),
            }),
            "failures" => self.failures.push(columns[1].parse().expect("a number")),
            other => panic!("no such row: {other}"),
        }
    }
}

fn query(database: &TestDatabase) -> String {
    let is_sqlite = database.url().starts_with("sqlite:");
    let id = |column: &str| {
        let digits = if is_sqlite {
            format!("lower(hex({column}))")
        } else {
            format!("replace(CAST({column} AS text), '-', '')")
        };
        format!("CASE WHEN {column} IS NULL THEN '-' ELSE {digits} END")
    };
    let select = |columns: &[String], table: &str| {
        format!("SELECT {} FROM {table}", columns.join(" || ' ' || "))
    };
    let word = |word: &str| format!("'{word}'");
    let or_none = |column: &str| format!("coalesce({column}, '-')");
    [
        select(&[word("account"), id("id")], "accounts"),
        select(
            &[
                word("session"),
                id("id"),
                id("current_token"),
                id("previous_token"),
                "CASE WHEN ended_at IS NULL THEN '-' ELSE end_reason END".to_owned(),
            ],
            "sessions",
        ),
        select(
            &[word("token"), id("id"), id("session_id"), id("parent_id"), or_none("user_agent")],
            "refresh_tokens",
        ),
        // Events of the server itself, such as the activation of the first matrix, belong to no client.
        select(
            &[
                word("event"),
                "kind".to_owned(),
                "outcome".to_owned(),
                id("subject"),
                id("session_id"),
                or_none("user_agent"),
            ],
            "security_events WHERE actor <> 'operator'",
        ),
        select(&[word("failures"), "in_a_row".to_owned()], "sign_in_failures"),
    ]
    .join(" UNION ALL ")
}
