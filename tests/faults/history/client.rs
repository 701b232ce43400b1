//! A client without pauses: it mostly rotates the tokens of its sessions, and sometimes signs in and out,
//! registers, sends a wrong password, or presents a token twice.
//!
//! Each client has its own account, so that it knows the expected state. It records its requests and the
//! answers. A wrong answer is a panic at once.

mod rotation;
mod sign_out;

use std::sync::mpsc::Sender;

use portcullis_domain::SystemClock;
use portcullis_testkit::{Answer, PASSWORD};
use serde_json::{Value, json};

use super::choices::RandomChoices;
use super::operation::{Kind, Operation, Outcome};
use super::session::{Session, State};
use crate::link::{Link, UnknownOutcome};

/// A wrong password for every account.
pub(crate) const WRONG_PASSWORD: &str = "amber-heron-paints-9-violins";

/// Open sessions of a client, well under the maximum of an account, so that no session is displaced.
const SESSIONS: usize = 4;

/// The maximum number of unknown sessions, from sign-ins with a lost answer, before all sessions are
/// ended.
const UNKNOWN_SESSIONS: u32 = 5;

/// Failures before the first wait.
const FREE_FAILURES: u32 = 5;

/// One client with its account, its sessions and its history.
pub(crate) struct Client {
    name: String,
    chance: RandomChoices,
    clock: SystemClock,
    unknown_sessions: u32,
    count: usize,
    /// Every session so far.
    pub(crate) sessions: Vec<Session>,
    /// Every operation so far.
    pub(crate) operations: Vec<Operation>,
    /// The names with failed sign-ins, with the number acknowledged and attempted.
    pub(crate) lockout_targets: Vec<LockoutTarget>,
}

/// A name whose failures are counted.
pub(crate) struct LockoutTarget {
    name: String,
    /// The failures that were acknowledged.
    pub(crate) acknowledged: u32,
    /// The acknowledged failures, and those whose answer was lost.
    pub(crate) attempted: u32,
}

impl Client {
    /// A client with that number, which makes the same choices in every run.
    pub(crate) fn new(number: u64, seed: u64) -> Self {
        Self {
            name: format!("client-{number}"),
            chance: RandomChoices::new(seed.wrapping_add(number)),
            clock: SystemClock::new(),
            unknown_sessions: 0,
            count: 0,
            sessions: Vec::new(),
            operations: Vec::new(),
            lockout_targets: Vec::new(),
        }
    }

    /// Does every operation once, so that every history has every kind, and opens the first sessions.
    pub(crate) fn settle(&mut self, link: &Link) -> Result<(), UnknownOutcome> {
        let answer = self.register(link, &self.name.clone())?;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.register_another(link)?;
        self.mistype(link)?;
        self.sign_in(link)?;
        self.sign_out(link, 0)?;
        self.sign_in(link)?;
        self.sign_out_everywhere(link, 1)?;
        self.sign_in(link)?;
        self.rotate(link, 2)?;
        self.race(link, 2)?;
        self.rotate(link, 2)?;
        self.replay(link, 2)?;
        (1..SESSIONS).try_for_each(|_| self.sign_in(link))
    }

    /// Works until the server is gone, and reports every step.
    pub(crate) fn work(&mut self, link: &Link, progress: &Sender<()>) {
        while self.step(link) != Err(UnknownOutcome::Gone) {
            // The receiver may have ended.
            let _ = progress.send(());
        }
    }

    /// Does one operation. The outcome of a lost answer is checked first.
    fn step(&mut self, link: &Link) -> Result<(), UnknownOutcome> {
        let live = self.live();
        for &index in &live {
            match self.sessions[index].state {
                State::RotationLost(then) => return self.rotate_again(link, index, then),
                State::EndLost => return self.look_whether_ended(link, index),
                _ => {}
            }
        }
        let Some(&chosen) = self.chance.pick(&live.iter().collect::<Vec<_>>()) else {
            return self.sign_in(link);
        };
        if self.unknown_sessions >= UNKNOWN_SESSIONS {
            return self.sign_out_everywhere(link, chosen);
        }
        if live.len() >= SESSIONS {
            return self.sign_out(link, live[0]);
        }
        // In a thousand: what hashes a password is slow and stays rare, so that rotations dominate.
        match self.chance.below(1000) {
            0..5 => self.register_another(link),
            5..15 => self.mistype(link),
            15..45 => self.sign_in(link),
            45..75 => self.sign_out(link, chosen),
            75..80 => self.sign_out_everywhere(link, chosen),
            80..85 => self.replay(link, chosen),
            85..220 => self.race(link, chosen),
            _ => self.rotate(link, chosen),
        }
    }

    fn register_another(&mut self, link: &Link) -> Result<(), UnknownOutcome> {
        let name = format!("{}-friend-{}", self.name, self.count);
        let answer = self.register(link, &name)?;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.lockout_targets.push(LockoutTarget { name, acknowledged: 0, attempted: 0 });
        Ok(())
    }

    fn register(&mut self, link: &Link, name: &str) -> Result<Answer, UnknownOutcome> {
        let email = format!("{name}@example.org");
        let body = json!({ "username": name, "email": email, "password": PASSWORD });
        let id = self.begin(Kind::Registration);
        let answer = send(link, "POST", "/api/auth/register", &id, &[], &body)?;
        let done = answer.status == 201;
        self.conclude(if done { Outcome::Done(None) } else { Outcome::Refused });
        Ok(answer)
    }

    fn sign_in(&mut self, link: &Link) -> Result<(), UnknownOutcome> {
        let delivery = if self.chance.below(2) == 0 { "body" } else { "cookie" };
        let body = json!({ "username": self.name, "password": PASSWORD, "delivery": delivery });
        let id = self.begin(Kind::SignIn);
        self.unknown_sessions += 1;
        let answer = send(link, "POST", "/api/auth/login/json", &id, &[], &body)?;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.unknown_sessions -= 1;
        let session = Session::opened(&answer);
        self.conclude(Outcome::Done(Some(session.id.clone())));
        self.sessions.push(session);
        Ok(())
    }

    /// Failures of unknown names are counted like those of accounts.
    fn mistype(&mut self, link: &Link) -> Result<(), UnknownOutcome> {
        if self.lockout_targets.last().is_none_or(|victim| victim.attempted >= FREE_FAILURES) {
            let name = format!("{}-nobody-{}", self.name, self.count);
            self.lockout_targets.push(LockoutTarget { name, acknowledged: 0, attempted: 0 });
        }
        let id = self.begin(Kind::WrongPassword);
        let last = self.lockout_targets.last_mut().expect("one was just added");
        last.attempted += 1;
        let body = json!({ "username": last.name, "password": WRONG_PASSWORD });
        let answer = send(link, "POST", "/api/auth/login/json", &id, &[], &body)?;
        assert_eq!(answer.status, 401, "{answer:?}");
        last.acknowledged += 1;
        self.conclude(Outcome::Done(None));
        Ok(())
    }

    /// Records the next operation, as not answered.
    fn begin(&mut self, kind: Kind) -> String {
        let id = format!("{}/{}", self.name, self.count);
        self.count += 1;
        self.operations.push(Operation { id: id.clone(), kind, outcome: Outcome::Unknown });
        id
    }

    /// Records the answer to the last request.
    fn conclude(&mut self, outcome: Outcome) {
        let last = self.operations.last_mut().expect("something was asked for");
        last.outcome = outcome;
    }

    fn live(&self) -> Vec<usize> {
        let sessions = self.sessions.iter().enumerate();
        sessions.filter(|(_, session)| !session.has_ended()).map(|(index, _)| index).collect()
    }
}

/// Sends a request under the name of an operation.
fn send(
    link: &Link,
    method: &str,
    path: &str,
    id: &str,
    headers: &[(&'static str, String)],
    body: &Value,
) -> Result<Answer, UnknownOutcome> {
    let named = [("user-agent", id)];
    let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
    link.send(method, path, &named.into_iter().chain(headers).collect::<Vec<_>>(), body)
}
