//! Test accounts for the load.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::client::{Client, Request, post, source};
use crate::outcome::Result;

/// Generates accounts that no earlier run has registered, with one password for all of them.
#[derive(Clone)]
pub(crate) struct AccountGenerator {
    run: Arc<str>,
    password: Arc<str>,
    next: Arc<AtomicU64>,
}

/// A user who can register and sign in.
#[derive(Clone)]
pub(crate) struct TestUser {
    pub username: String,
    pub password: Arc<str>,
}

/// The tokens of a sign-in with delivery in the body.
#[derive(Debug, Deserialize)]
pub(crate) struct Tokens {
    pub access_token: String,
    pub refresh_token: String,
}

impl AccountGenerator {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            run: syllables(random()?, 8).into(),
            password: format!("{}-{}", syllables(random()?, 6), syllables(random()?, 6)).into(),
            next: Arc::default(),
        })
    }

    /// A new user.
    pub(crate) fn person(&self) -> TestUser {
        let number = syllables(self.next.fetch_add(1, Ordering::Relaxed), 6);
        TestUser {
            username: format!("{}-{number}", self.run),
            password: Arc::clone(&self.password),
        }
    }

    /// New users with accounts.
    pub(crate) async fn register(&self, server: SocketAddr, count: u32) -> Result<Vec<TestUser>> {
        let people: Vec<TestUser> = (0..count).map(|_| self.person()).collect();
        let requests = people.iter().map(|person| person.registration(server));
        in_parallel(server, requests.collect::<Result<_>>()?, StatusCode::CREATED).await?;
        Ok(people)
    }
}

/// Signs in all users, in order.
pub(crate) async fn sign_in(server: SocketAddr, people: &[TestUser]) -> Result<Vec<Tokens>> {
    let requests = people.iter().map(|person| person.sign_in(server));
    let answers = in_parallel(server, requests.collect::<Result<_>>()?, StatusCode::OK).await?;
    answers.iter().map(|body| Ok(serde_json::from_slice(body)?)).collect()
}

impl TestUser {
    pub(crate) fn registration(&self, server: SocketAddr) -> Result<Request> {
        let body = json!({
            "username": self.username,
            "email": self.email(),
            "password": *self.password,
        });
        post(server, "/api/auth/register", &body)
    }

    pub(crate) fn email(&self) -> String {
        format!("{}@example.com", self.username)
    }

    pub(crate) fn sign_in(&self, server: SocketAddr) -> Result<Request> {
        self.sign_in_with(server, &self.password)
    }

    /// A sign-in with a wrong password.
    pub(crate) fn wrong_sign_in(&self, server: SocketAddr) -> Result<Request> {
        self.sign_in_with(server, "not the password")
    }

    fn sign_in_with(&self, server: SocketAddr, password: &str) -> Result<Request> {
        let body = json!({
            "username": self.username,
            "password": password,
            "delivery": "body",
        });
        post(server, "/api/auth/login/json", &body)
    }
}

/// Sends all requests over a few connections. Returns the bodies in the same order.
pub(crate) async fn in_parallel(
    server: SocketAddr,
    requests: Vec<Request>,
    expected: StatusCode,
) -> Result<Vec<hyper::body::Bytes>> {
    const CONNECTIONS: usize = 8;
    let share = requests.len().div_ceil(CONNECTIONS).max(1);
    let mut requests = requests.into_iter().peekable();
    let mut shares = Vec::new();
    while requests.peek().is_some() {
        shares.push(requests.by_ref().take(share).collect::<Vec<_>>());
    }
    let running: Vec<_> = (0..)
        .map(source)
        .zip(shares)
        .map(|(source, share)| {
            tokio::spawn(async move {
                let mut client = Client::connect(server, source).await?;
                let mut bodies = Vec::new();
                for request in share {
                    bodies.push(client.send(request).await?.expect(expected)?.body);
                }
                Result::Ok(bodies)
            })
        })
        .collect();
    let mut bodies = Vec::new();
    for share in running {
        bodies.extend(share.await??);
    }
    Ok(bodies)
}

/// A number in base 8, with a syllable for each digit. Random letters sometimes form an offensive word,
/// which moderation refuses; these syllables never do.
fn syllables(number: u64, length: usize) -> String {
    const DIGITS: [&str; 8] = ["ba", "be", "la", "le", "ma", "me", "ra", "re"];
    let digits = (0..length).map(|place| (number >> (3 * place)) & 7);
    digits.filter_map(|digit| DIGITS.get(usize::try_from(digit).ok()?)).copied().collect()
}

#[expect(clippy::disallowed_methods, reason = "a load generator has nobody to hand it randomness")]
fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| format!("no randomness: {error}"))?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_is_registered_twice() {
        let generator = AccountGenerator::new().unwrap();
        let another_run = AccountGenerator::new().unwrap();
        let people = (0..2_000).flat_map(|_| [generator.person(), another_run.person()]);
        let names: BTreeSet<String> = people.map(|person| person.username).collect();
        assert_eq!(names.len(), 4_000);
    }

    #[test]
    fn every_number_has_its_own_syllables() {
        assert_eq!(syllables(0, 3), "bababa");
        assert_eq!(syllables(0o765, 3), "merare");
    }
}
