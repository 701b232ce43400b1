//! Ends of sessions, and checks that ended sessions stay ended.

use serde_json::{Value, json};

use super::{Client, send};
use crate::history::operation::{Kind, Outcome};
use crate::history::session::{Session, State};
use crate::link::{Link, UnknownOutcome};

/// The path of a request that needs only a valid access token.
const PROBE: &str = "/api/auth/csrf";

/// The user agent of requests that change nothing.
const OBSERVER: &str = "observer";

impl Client {
    pub(super) fn sign_out(&mut self, link: &Link, index: usize) -> Result<(), UnknownOutcome> {
        if self.sessions[index].may_end {
            self.look_whether_ended(link, index)?;
            if self.sessions[index].has_ended() {
                return Ok(());
            }
        }
        let credentials = with_csrf(link, &self.sessions[index])?;
        let id = self.begin(Kind::SignOut);
        let session = &mut self.sessions[index];
        session.ask_for_end();
        let answer = send(link, "POST", "/api/auth/logout", &id, &credentials, &Value::Null)?;
        assert_eq!(answer.status, 204, "{answer:?}");
        session.state = State::Ended;
        let ended = session.id.clone();
        self.conclude(Outcome::Done(Some(ended)));
        is_over(link, &self.sessions[index])
    }

    pub(super) fn sign_out_everywhere(
        &mut self,
        link: &Link,
        index: usize,
    ) -> Result<(), UnknownOutcome> {
        let credentials = with_csrf(link, &self.sessions[index])?;
        let id = self.begin(Kind::SignOutAll);
        self.live().into_iter().for_each(|index| self.sessions[index].ask_for_end());
        let answer = send(link, "POST", "/api/auth/logout/all", &id, &credentials, &Value::Null)?;
        assert_eq!(answer.status, 204, "{answer:?}");
        self.conclude(Outcome::Done(Some(self.sessions[index].id.clone())));
        self.all_ended();
        is_over(link, &self.sessions[index])
    }

    /// Records that all sessions of the account have ended, known and unknown ones.
    pub(super) fn all_ended(&mut self) {
        self.sessions.iter_mut().for_each(|session| session.state = State::Ended);
        self.unknown_sessions = 0;
    }

    /// Checks the outcome of a sign-out whose answer was lost.
    pub(super) fn look_whether_ended(
        &mut self,
        link: &Link,
        index: usize,
    ) -> Result<(), UnknownOutcome> {
        let session = &mut self.sessions[index];
        let answer = send(link, "GET", PROBE, OBSERVER, &session.credentials(), &Value::Null)?;
        session.state = if answer.status == 401 { State::Ended } else { State::Live };
        Ok(())
    }

    /// Checks after a restart that ended sessions are refused, and others are accepted.
    pub(crate) fn look_around(&self, link: &Link) {
        const OLDER: usize = 3;
        let (ended, live): (Vec<&Session>, Vec<&Session>) =
            self.sessions.iter().partition(|session| session.has_ended());
        // The last ones may have ended just before the fault; a sample of the others is enough.
        let recent = ended.iter().rev().take(2 * OLDER).copied();
        let older = (0..OLDER).filter_map(|_| self.chance.pick(&ended));
        for session in recent.chain(older) {
            is_over(link, session).expect("the server answers");
        }
        for session in live.into_iter().filter(|session| !session.may_end) {
            let credentials = session.credentials();
            let answer = send(link, "GET", PROBE, OBSERVER, &credentials, &Value::Null);
            assert_eq!(answer.expect("the server answers").status, 200, "a live session is over");
        }
    }
}

/// Checks that access token and refresh tokens of an ended session are refused.
fn is_over(link: &Link, session: &Session) -> Result<(), UnknownOutcome> {
    let answer = send(link, "GET", PROBE, OBSERVER, &session.credentials(), &Value::Null)?;
    assert_eq!(answer.status, 401, "the access token of an ended session: {answer:?}");
    let binding: Vec<_> = session.binding_header().into_iter().collect();
    for token in [Some(&session.refresh_token), session.spent.as_ref()].into_iter().flatten() {
        let body = json!({ "refresh_token": token });
        let answer = send(link, "POST", "/api/auth/refresh", OBSERVER, &binding, &body)?;
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_refresh_token"));
    }
    Ok(())
}

/// The credentials of the session in a request that changes something.
fn with_csrf(
    link: &Link,
    session: &Session,
) -> Result<Vec<(&'static str, String)>, UnknownOutcome> {
    let mut credentials = session.credentials();
    if session.binding.is_some() {
        let answer = send(link, "GET", PROBE, OBSERVER, &credentials, &Value::Null)?;
        assert_eq!(answer.status, 200, "{answer:?}");
        credentials.push(("x-csrf-token", answer.field("csrf_token")));
    }
    Ok(credentials)
}
