//! One client of the tests of the audit log. It records the answers. A wrong answer is a panic at once.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, samples};
use serde_json::{Value, json};

use super::notes::{AnsweredDecision, Notes};
use crate::link::{Link, UnknownOutcome};

/// Resources and actions of checks: one allowed, one denied, one that depends on the matrix.
const QUESTIONS: [(&str, &str); 3] = [("schedule", "read"), ("report", "export"), DEPENDS];

/// The check whose answer differs between the two versions of the matrix: no, then yes.
const DEPENDS: (&str, &str) = ("procedure", "list");

/// The timeout after which a server that cannot record must refuse.
const MAX_UNRECORDED: Duration = Duration::from_secs(3);

/// Permission checks in one batch.
const BATCH: usize = 12;

/// A client with its own account, and its records.
pub(crate) struct Client {
    name: String,
    bearer: String,
    clock: Arc<SystemClock>,
    /// The number of accounts that it has created.
    count: usize,
    pub(crate) notes: Notes,
    /// The version of the last acknowledged activation, and those requested after it.
    pub(crate) in_force: Vec<u64>,
}

impl Client {
    /// A client with the self-registration role.
    pub(crate) fn new(origin: &str, name: &str, clock: Arc<SystemClock>) -> Self {
        let mut browser = Browser::at(origin);
        let registered = browser.register(name);
        assert_eq!(registered.status, 201, "{}", registered.text);
        Self::signed_in(&mut browser, name, clock)
    }

    /// A client with the administrator role, which has added a second version of the matrix.
    pub(crate) fn admin(
        origin: &str,
        name: &str,
        clock: Arc<SystemClock>,
        of: &TestDatabase,
    ) -> Self {
        let mut browser = Browser::at(origin);
        assert_eq!(browser.register(name).status, 201);
        let promote = format!("UPDATE accounts SET role = 'admin' WHERE username = '{name}'");
        of.store().execute(&promote).expect("the database answers");
        let client = Self::signed_in(&mut browser, name, clock);
        let text = samples::MATRIX.replace(
            "[roles.msa]\ngrants = [",
            "[roles.msa]\ngrants = [{ resources = [\"procedure\"], actions = [\"list\"] }, ",
        );
        let proposed = client.post(
            &Link::to(origin),
            "/api/admin/matrix/versions",
            &client.name,
            &json!({ "text": text }),
        );
        let proposed = proposed.expect("a server without a fault answers");
        assert_eq!((proposed.status, proposed.json()["version"].as_u64()), (201, Some(2)));
        client
    }

    fn signed_in(browser: &mut Browser, name: &str, clock: Arc<SystemClock>) -> Self {
        let token = browser.sign_in_for_tokens(name).field("access_token");
        Self {
            name: name.to_owned(),
            bearer: format!("Bearer {token}"),
            clock,
            count: 0,
            notes: Notes::default(),
            in_force: vec![1],
        }
    }

    /// Sends one permission check. Returns true if it is allowed.
    pub(crate) fn ask(&mut self, link: &Link) -> Result<bool, UnknownOutcome> {
        let (resource, action) = DEPENDS;
        let body = json!({ "resource": resource, "action": action });
        let asked = self.clock.monotonic();
        let answer = self.post(link, "/api/authz/check", &self.name, &body)?;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.note(&answer.json(), resource, asked);
        Ok(answer.json()["allowed"] == true)
    }

    /// Sends checks until one is refused because it cannot be recorded.
    pub(crate) fn ask_until_unavailable(&mut self, link: &Link) {
        let begun = self.clock.monotonic();
        while self.ask(link) != Err(UnknownOutcome::Unavailable) {
            let answering = self.clock.monotonic().saturating_sub(begun);
            assert!(answering < MAX_UNRECORDED, "still answered after {answering:?}");
        }
    }

    /// Sends a batch of permission checks.
    pub(crate) fn ask_batch(&mut self, link: &Link) -> Result<(), UnknownOutcome> {
        let questions: Vec<_> = QUESTIONS.into_iter().cycle().take(BATCH).collect();
        let items = questions.iter();
        let items: Vec<Value> = items
            .map(|(resource, action)| json!({ "resource": resource, "action": action }))
            .collect();
        let asked = self.clock.monotonic();
        let body = json!({ "items": items });
        let answer = self.post(link, "/api/authz/check/batch", &self.name, &body)?;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answers = answer.json();
        for (index, (resource, _)) in questions.into_iter().enumerate() {
            self.note(&answers["items"][index], resource, asked);
        }
        Ok(())
    }

    fn note(&mut self, answer: &Value, resource: &'static str, asked: Duration) {
        let allowed = answer["allowed"].as_bool().expect("a decision is one or the other");
        let is_right = match resource {
            "schedule" => allowed,
            "report" => !allowed,
            // The answer depends on the matrix in force.
            _ => true,
        };
        assert!(is_right, "{resource}: {answer}");
        let id = answer["decision_id"].as_str().expect("a decision has an id").to_owned();
        let answered = self.clock.monotonic();
        self.notes.decisions.push(AnsweredDecision { id, resource, allowed, asked, answered });
    }

    /// Registers an account with a new name.
    pub(crate) fn register(&mut self, link: &Link) -> Result<(), UnknownOutcome> {
        let name = format!("{}-friend-{}", self.name, self.count);
        self.count += 1;
        self.register_as(link, &name)
    }

    /// Registers an account with the given unused name.
    pub(crate) fn register_as(&mut self, link: &Link, name: &str) -> Result<(), UnknownOutcome> {
        let email = format!("{name}@example.org");
        let body = json!({ "username": name, "email": email, "password": PASSWORD });
        let id = self.notes.begin(&self.name, "registration");
        let answer = link.send("POST", "/api/auth/register", &[("user-agent", &id)], &body)?;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.notes.conclude();
        Ok(())
    }

    /// Opens another session.
    pub(crate) fn sign_in(&mut self, link: &Link) -> Result<(), UnknownOutcome> {
        let body = json!({ "username": self.name, "password": PASSWORD });
        let id = self.notes.begin(&self.name, "sign_in");
        let answer = link.send("POST", "/api/auth/login/json", &[("user-agent", &id)], &body)?;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.notes.conclude();
        Ok(())
    }

    /// Activates a version.
    pub(crate) fn activate(&mut self, link: &Link, version: u64) -> Result<(), UnknownOutcome> {
        let id = self.notes.begin(&self.name, "matrix_activated");
        self.in_force.push(version);
        let body = json!({ "version": version });
        let answer = self.post(link, "/api/admin/matrix/activate", &id, &body)?;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.in_force = vec![version];
        self.notes.conclude();
        Ok(())
    }

    /// True if the access token is accepted by a request that needs only the token.
    pub(crate) fn is_known(&self, link: &Link) -> bool {
        let headers = [("authorization", self.bearer.as_str())];
        let answer = link.send("GET", "/api/auth/csrf", &headers, &Value::Null);
        answer.is_ok_and(|answer| answer.status == 200)
    }

    fn post(
        &self,
        link: &Link,
        path: &str,
        agent: &str,
        body: &Value,
    ) -> Result<Answer, UnknownOutcome> {
        let headers = [("user-agent", agent), ("authorization", self.bearer.as_str())];
        link.send("POST", path, &headers, body)
    }
}
