//! One client of the flood, and the results of its sign-ins.

use std::iter::Sum;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::RETRY_AFTER;

use crate::client::{Answer, Request};
use crate::load::Script;
use crate::outcome::Result;

/// Repeats the same sign-in.
pub(crate) struct SignInScript {
    request: Request,
    manner: RetryBehaviour,
    pause: Duration,
    tally: AnswerCounts,
}

/// The behaviour of a client after a 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryBehaviour {
    /// Obeys `Retry-After`, as good clients do.
    Patient,
    /// Retries at once, as an attacker does.
    Relentless,
}

/// The results of the sign-ins.
#[derive(Debug, Default)]
pub(crate) struct AnswerCounts {
    /// Answers 200.
    pub signed_in: usize,
    /// Answers 401.
    pub refused: usize,
    /// The latency of each 503, sorted.
    pub refusals: Vec<Duration>,
    /// The number of 503 without `Retry-After`.
    pub without_retry_after: usize,
}

impl SignInScript {
    pub(crate) fn new(request: Request, manner: RetryBehaviour) -> Self {
        Self { request, manner, pause: Duration::ZERO, tally: AnswerCounts::default() }
    }

    pub(crate) fn into_tally(self) -> AnswerCounts {
        self.tally
    }
}

impl Script for SignInScript {
    fn request(&mut self) -> Result<Request> {
        Ok(self.request.clone())
    }

    fn answer(&mut self, answer: Answer, latency: Option<Duration>) -> Result<()> {
        self.pause = Duration::ZERO;
        let counts = usize::from(latency.is_some());
        match answer.status {
            StatusCode::OK => self.tally.signed_in += counts,
            StatusCode::UNAUTHORIZED => self.tally.refused += counts,
            _ => {
                let answer = answer.expect(StatusCode::SERVICE_UNAVAILABLE)?;
                let wait = retry_after(&answer);
                self.tally.refusals.extend(latency);
                self.tally.without_retry_after += counts * usize::from(wait.is_none());
                if self.manner == RetryBehaviour::Patient {
                    self.pause = wait.unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    fn pause(&self) -> Duration {
        self.pause
    }
}

/// `Retry-After` in whole seconds (RFC 9110 section 10.2.3).
fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

impl AnswerCounts {
    pub(crate) fn total(&self) -> usize {
        self.signed_in + self.refused + self.refusals.len()
    }
}

impl Sum for AnswerCounts {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        let mut sum = tallies.fold(Self::default(), |mut sum, tally| {
            sum.signed_in += tally.signed_in;
            sum.refused += tally.refused;
            sum.refusals.extend(tally.refusals);
            sum.without_retry_after += tally.without_retry_after;
            sum
        });
        sum.refusals.sort_unstable();
        sum
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn answer(status: StatusCode, retry_after: Option<&'static str>) -> Answer {
        let headers = retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from_static(seconds)));
        Answer { status, headers: headers.into_iter().collect(), body: "".into() }
    }

    fn attempt(manner: RetryBehaviour) -> SignInScript {
        SignInScript::new(Request::default(), manner)
    }

    const BUSY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

    #[test]
    fn the_fates_of_all_clients_are_counted_together() {
        let (mut one, mut other) =
            (attempt(RetryBehaviour::Patient), attempt(RetryBehaviour::Relentless));
        let took = |millis| Some(Duration::from_millis(millis));
        one.answer(answer(StatusCode::OK, None), took(20)).unwrap();
        one.answer(answer(BUSY, None), took(9)).unwrap();
        one.answer(answer(BUSY, Some("1")), None).unwrap();
        other.answer(answer(BUSY, Some("1")), took(3)).unwrap();
        other.answer(answer(StatusCode::UNAUTHORIZED, None), took(15)).unwrap();
        let sum: AnswerCounts = [one, other].into_iter().map(SignInScript::into_tally).sum();
        assert_eq!((sum.signed_in, sum.refused, sum.without_retry_after), (1, 1, 1));
        assert_eq!(sum.refusals, [3, 9].map(Duration::from_millis));
        assert_eq!(sum.total(), 4);
    }

    #[test]
    fn only_patient_clients_wait_as_they_are_told_to() {
        let pauses = [RetryBehaviour::Patient, RetryBehaviour::Relentless].map(|manner| {
            let mut attempt = attempt(manner);
            attempt.answer(answer(BUSY, Some("2")), None).unwrap();
            let told_to_wait = attempt.pause();
            attempt.answer(answer(StatusCode::OK, None), None).unwrap();
            (told_to_wait, attempt.pause())
        });
        let none = Duration::ZERO;
        assert_eq!(pauses, [(Duration::from_secs(2), none), (none, none)]);
    }

    #[test]
    fn an_answer_that_may_not_come_ends_the_run() {
        let broken = answer(StatusCode::INTERNAL_SERVER_ERROR, None);
        assert!(attempt(RetryBehaviour::Patient).answer(broken, None).is_err());
    }
}
