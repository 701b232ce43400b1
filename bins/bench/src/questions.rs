//! Permission checks for the load: every action on every resource, a third without context, a third with an
//! owner and a third with parties; in half of the latter the owner or party is the caller.

use std::net::SocketAddr;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::accounts::Tokens;
use crate::client::{Client, Request, bearing, get, post, source};
use crate::outcome::Result;

/// A caller of permission checks.
pub(crate) struct CheckClient {
    server: SocketAddr,
    access_token: String,
    account: String,
}

/// The path of `me`.
pub(crate) const ME: &str = "/api/auth/me";

/// The path of one check per request.
pub(crate) const CHECK: &str = "/api/authz/check";

/// The path of many checks per request.
pub(crate) const BATCH: &str = "/api/authz/check/batch";

/// The number of checks in a request of [`BATCH`]: the maximum.
pub(crate) const BATCH_SIZE: u32 = 1_000;

/// The number of different checks, except for the ids of other subjects.
pub(crate) const DIFFERENT: u32 = 3 * 20 * 11;

impl CheckClient {
    pub(crate) async fn of(server: SocketAddr, tokens: &Tokens) -> Result<Self> {
        let access_token = tokens.access_token.clone();
        let mut client = Client::connect(server, source(0)).await?;
        let answer = client.send(get(server, ME, Some(&access_token))?).await?;
        let me: Value = serde_json::from_slice(&answer.expect(StatusCode::OK)?.body)?;
        let account = me.get("id").and_then(Value::as_str).ok_or("an account without an id")?;
        Ok(Self { server, access_token, account: account.to_owned() })
    }

    /// The request of the check of that number.
    pub(crate) fn check(&self, number: u32) -> Result<Request> {
        self.ask(CHECK, &question(&self.account, number))
    }

    /// The request of a batch of checks from that number on.
    pub(crate) fn batch(&self, first: u32) -> Result<Request> {
        let numbers = first..first.saturating_add(BATCH_SIZE);
        let items: Vec<Value> = numbers.map(|number| question(&self.account, number)).collect();
        self.ask(BATCH, &json!({ "items": items }))
    }

    fn ask(&self, path: &str, body: &Value) -> Result<Request> {
        bearing(post(self.server, path, body)?, &self.access_token)
    }
}

fn question(account: &str, number: u32) -> Value {
    let word = |words: &'static [&'static str], place: u32| {
        let place = usize::try_from(place).unwrap_or_default() % words.len();
        words.get(place).copied().unwrap_or_default()
    };
    let resource = word(RESOURCES, number);
    let action = word(ACTIONS, number / 20);
    let stranger = format!("01997f3e-0000-7000-8000-{:012}", number % 1_000);
    let somebody = if (number / 7).is_multiple_of(2) { account } else { &stranger };
    match number % 3 {
        0 => json!({ "resource": resource, "action": action }),
        1 => json!({ "resource": resource, "action": action, "context": { "owner_id": somebody } }),
        _ => json!({ "resource": resource, "action": action, "context": {
            "owner_id": stranger, "parties": [stranger, somebody] } }),
    }
}

const RESOURCES: &[&str] = &[
    "schedule",
    "assignment",
    "block",
    "rotation",
    "person",
    "resident",
    "faculty_member",
    "absence",
    "leave",
    "swap",
    "swap_request",
    "procedure",
    "credential",
    "certification",
    "conflict",
    "report",
    "user",
    "settings",
    "audit_log",
    "notification",
];

const ACTIONS: &[&str] = &[
    "create", "read", "update", "delete", "list", "approve", "reject", "execute", "export",
    "import", "manage",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_on_every_resource_is_asked_with_every_kind_of_context() {
        let kinds: BTreeSet<String> = (0..DIFFERENT)
            .map(|number| {
                let question = question("me", number);
                let context = question.get("context");
                let has = |member| context.and_then(|context| context.get(member)).is_some();
                let (owner, parties) = (has("owner_id"), has("parties"));
                format!("{} {} {owner} {parties}", question["resource"], question["action"])
            })
            .collect();
        assert_eq!(kinds.len(), 3 * 20 * 11);
    }

    #[test]
    fn half_of_the_contexts_are_about_the_caller() {
        let about_me = (0..4_200).filter(|number| {
            question("me", *number)
                .get("context")
                .is_some_and(|it| it.to_string().contains("\"me\""))
        });
        assert_eq!(about_me.count(), 1_400);
    }
}
