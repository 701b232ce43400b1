//! Rotations of refresh tokens: single, concurrent, repeated after a lost answer, and invalid.

use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{Answer, at_once};
use serde_json::{Value, json};

use super::{Client, send};
use crate::history::operation::{Kind, Outcome};
use crate::history::session::{Session, State};
use crate::link::{Link, UnknownOutcome};

/// A client without cookies may repeat a rotation whose answer was lost for a minute; a busy machine
/// may need some of it to get there.
const CERTAIN_GRACE: Duration = Duration::from_secs(50);

impl Client {
    pub(super) fn rotate(&mut self, link: &Link, index: usize) -> Result<(), UnknownOutcome> {
        let id = self.begin(Kind::Rotation);
        let now = self.clock.monotonic();
        let session = &mut self.sessions[index];
        session.state = State::RotationLost(now);
        let answer = present(link, &id, session, &session.refresh_token)?;
        match answer.status {
            200 => self.rotated(index, &answer),
            401 if session.may_end => self.refused(index),
            _ => panic!("the live token of a live session is refused: {answer:?}"),
        }
        Ok(())
    }

    /// Two requests with one token: one rotates, and the other gets the same successor.
    pub(super) fn race(&mut self, link: &Link, index: usize) -> Result<(), UnknownOutcome> {
        let ids = [self.begin(Kind::Rotation), self.begin(Kind::Rotation)];
        let now = self.clock.monotonic();
        let session = &mut self.sessions[index];
        session.state = State::RotationLost(now);
        let session = &*session;
        let answers =
            at_once(2, |number| present(link, &ids[number], session, &session.refresh_token));
        for (operation, answer) in self.operations.iter_mut().rev().zip(answers.iter().rev()) {
            let outcome = |answer: &Answer| match answer.status {
                200 => Outcome::Done(None),
                _ => Outcome::Refused,
            };
            operation.outcome = answer.as_ref().map_or(Outcome::Unknown, outcome);
        }
        self.judge_race(index, &answers);
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }

    fn judge_race(&mut self, index: usize, answers: &[Result<Answer, UnknownOutcome>]) {
        let session = &mut self.sessions[index];
        let answered: Vec<&Answer> = answers.iter().flatten().collect();
        let statuses: Vec<u16> = answered.iter().map(|answer| answer.status).collect();
        let of = |status| statuses.iter().filter(|found| **found == status).count();
        let winners: Vec<&&Answer> =
            answered.iter().filter(|answer| answer.status == 200).collect();
        if session.may_end && of(401) > 0 {
            session.state = State::Ended;
            return;
        }
        assert_eq!(winners.len(), answered.len(), "{statuses:?}");
        let tokens: Vec<_> = winners.iter().map(|answer| answer.field("refresh_token")).collect();
        assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]), "two successors");
        if let Some(winner) = winners.first() {
            session.rotated(winner);
        }
    }

    /// Checks the outcome of a rotation whose answer was lost.
    pub(super) fn rotate_again(
        &mut self,
        link: &Link,
        index: usize,
        lost: Duration,
    ) -> Result<(), UnknownOutcome> {
        let id = self.begin(Kind::Rotation);
        let session = &mut self.sessions[index];
        let answer = present(link, &id, session, &session.refresh_token)?;
        let waited = self.clock.monotonic().saturating_sub(lost);
        match answer.status {
            200 => self.rotated(index, &answer),
            401 if session.may_end => self.refused(index),
            401 if waited > CERTAIN_GRACE && session.binding.is_none() => self.refused(index),
            _ => panic!("a lost rotation cannot be repeated after {waited:?}: {answer:?}"),
        }
        Ok(())
    }

    /// Presents an old rotated token, if there is one: all sessions end.
    pub(super) fn replay(&mut self, link: &Link, index: usize) -> Result<(), UnknownOutcome> {
        let Some(spent) = self.sessions[index].spent.clone() else {
            return self.rotate(link, index);
        };
        let id = self.begin(Kind::Replay);
        self.live().into_iter().for_each(|index| self.sessions[index].ask_for_end());
        let answer = present(link, &id, &self.sessions[index], &spent)?;
        assert_eq!((answer.status, answer.code().as_str()), (401, "refresh_token_reused"));
        self.reused();
        Ok(())
    }

    fn rotated(&mut self, index: usize, answer: &Answer) {
        self.sessions[index].rotated(answer);
        self.conclude(Outcome::Done(None));
    }

    /// Records that a sign-out with a lost answer took effect.
    fn refused(&mut self, index: usize) {
        self.sessions[index].state = State::Ended;
        self.conclude(Outcome::Refused);
    }

    fn reused(&mut self) {
        let last = self.operations.last_mut().expect("something was asked for");
        last.kind = Kind::Replay;
        self.conclude(Outcome::Done(None));
        self.all_ended();
    }
}

fn present(
    link: &Link,
    id: &str,
    session: &Session,
    token: &str,
) -> Result<Answer, UnknownOutcome> {
    let binding: Vec<_> = session.binding_header().into_iter().collect();
    let body: Value = json!({ "refresh_token": token });
    send(link, "POST", "/api/auth/refresh", id, &binding, &body)
}
