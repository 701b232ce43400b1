//! The history of an owner: requests, and their outcomes as far as the owner knows.

use std::sync::mpsc::Sender;
use std::thread;

use portcullis_testkit::Answer;
use serde_json::Value;

use super::operation::{Kind, Operation, Outcome};
use crate::link::{Link, UnknownOutcome};

/// The connection of an owner, which tells the test what is sent next.
pub(crate) struct Connection<'a> {
    pub(crate) link: &'a Link,
    pub(crate) progress: Sender<Kind>,
}

/// A request of an owner.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) kind: Kind,
    method: &'static str,
    path: String,
    body: Value,
    secrets: Vec<String>,
}

impl Request {
    pub(super) fn post(kind: Kind, path: &str, body: Value) -> Self {
        Self { kind, method: "POST", path: path.to_owned(), body, secrets: Vec::new() }
    }

    pub(super) fn delete(kind: Kind, path: String, body: Value) -> Self {
        Self { kind, method: "DELETE", path, body, secrets: Vec::new() }
    }

    /// This request, which presents a single-use secret of that name.
    pub(super) fn presenting(mut self, secret: String) -> Self {
        self.secrets.push(secret);
        self
    }
}

/// The requests of an owner, in order.
pub(super) struct History {
    name: String,
    pub(super) operations: Vec<Operation>,
    /// A request with a single-use secret whose answer was lost, to be sent again.
    lost: Option<Request>,
}

impl History {
    pub(super) const fn new(name: String) -> Self {
        Self { name, operations: Vec::new(), lost: None }
    }

    /// Takes the first request with a single-use secret whose answer was lost.
    pub(super) fn take_lost(&mut self) -> Option<Request> {
        self.lost.take()
    }

    /// Sends a request, with an access token where one is taken.
    pub(super) fn send(
        &mut self,
        connection: &Connection<'_>,
        token: Option<&str>,
        request: &Request,
    ) -> Result<Answer, UnknownOutcome> {
        let index = self.begin(connection, request);
        let answer = exchange(connection.link, &self.operations[index].id, token, request);
        self.conclude(index, request, &answer);
        answer
    }

    /// Sends requests with one single-use secret at once. Returns the answer of the one that succeeded.
    pub(super) fn send_at_once(
        &mut self,
        connection: &Connection<'_>,
        token: Option<&str>,
        requests: &[Request],
    ) -> Result<Answer, UnknownOutcome> {
        let begun: Vec<_> = requests.iter().map(|it| (self.begin(connection, it), it)).collect();
        let operations = &self.operations;
        let answers: Vec<_> = thread::scope(|scope| {
            let send = |&(index, request): &(usize, &Request)| {
                let (id, link) = (operations[index].id.clone(), connection.link);
                let request = request.clone();
                scope.spawn(move || exchange(link, &id, token, &request))
            };
            let sending: Vec<_> = begun.iter().map(send).collect();
            sending.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
        });
        for ((index, request), answer) in begun.iter().zip(&answers) {
            self.conclude(*index, request, answer);
        }
        let answers: Vec<Answer> = answers.into_iter().collect::<Result<_, _>>()?;
        let successes: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(successes.len(), 1, "{}: {answers:?}", self.name);
        Ok(successes[0].clone())
    }

    /// Records a request as not answered, and returns its number.
    fn begin(&mut self, connection: &Connection<'_>, request: &Request) -> usize {
        let index = self.operations.len();
        let id = format!("{}/{index}", self.name);
        let (kind, secrets) = (request.kind, request.secrets.clone());
        self.operations.push(Operation { id, kind, secrets, outcome: Outcome::Unknown });
        // The receiver may have ended.
        let _ = connection.progress.send(kind);
        index
    }

    fn conclude(
        &mut self,
        index: usize,
        request: &Request,
        answer: &Result<Answer, UnknownOutcome>,
    ) {
        let outcome = &mut self.operations[index].outcome;
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => *outcome = Outcome::Done,
            Ok(_) => *outcome = Outcome::Refused,
            Err(_) if self.lost.is_none() && request.kind.may_be_repeated() => {
                self.lost = Some(request.clone());
            }
            Err(_) => {}
        }
    }
}

fn exchange(
    link: &Link,
    id: &str,
    token: Option<&str>,
    request: &Request,
) -> Result<Answer, UnknownOutcome> {
    let token = token.filter(|_| !request.path.starts_with("/api/auth/login"));
    let bearer = token.map(|token| format!("Bearer {token}"));
    let bearer = bearer.iter().map(|bearer| ("authorization", bearer.as_str()));
    let headers: Vec<(&str, &str)> = [("user-agent", id)].into_iter().chain(bearer).collect();
    link.send(request.method, &request.path, &headers, &request.body)
}
