//! The connection of a client to a server that may end at any moment.

use std::time::Duration;

use portcullis_testkit::Answer;
use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

/// Sends requests to one start of one server.
pub(crate) struct Link {
    agent: Agent,
    origin: String,
}

/// There was no answer, or none that says what happened: it may have been done or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownOutcome {
    /// The connection was refused or broke.
    Gone,
    /// 503 with `Retry-After`.
    Unavailable,
}

/// After so long without an answer the server hangs, which no fault excuses.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Link {
    /// A client of the server at this origin.
    pub(crate) fn to(origin: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self { agent: config.into(), origin: origin.to_owned() }
    }

    /// Sends a request and checks rules of every answer: 503 is the only server error, and it has
    /// `Retry-After`.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Answer, UnknownOutcome> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_null() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(text).expect("the test's request is well-formed");
        let answer = self.exchange(request).map_err(|error| match error {
            ureq::Error::Timeout(_) => panic!("{method} {path}: no answer within {TIMEOUT:?}"),
            _ => UnknownOutcome::Gone,
        })?;
        match answer.status {
            503 if answer.header("retry-after").is_some() => Err(UnknownOutcome::Unavailable),
            500.. => panic!("{method} {path}: {answer:?}"),
            _ => Ok(answer),
        }
    }

    fn exchange(&self, request: Request<String>) -> Result<Answer, ureq::Error> {
        let mut response = self.agent.run(request)?;
        let text =
            |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
        let headers = response.headers().iter();
        Ok(Answer {
            status: response.status().as_u16(),
            headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
            text: response.body_mut().read_to_string()?,
        })
    }
}
