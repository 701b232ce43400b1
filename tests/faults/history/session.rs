//! What one client knows of one session.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_testkit::Answer;
use serde_json::Value;

/// A session as its client sees it.
pub(crate) struct Session {
    /// Its id, 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) access_token: String,
    /// The binding cookie, when the tokens travel by cookie.
    pub(crate) binding: Option<String>,
    /// The newest refresh token that was received.
    pub(crate) refresh_token: String,
    /// Its id, 32 hexadecimal digits.
    pub(crate) token: String,
    /// The one before it.
    parent: Option<String>,
    /// The one before that: its successor has been used.
    pub(crate) spent: Option<String>,
    /// Each rotation that was acknowledged: the presented token and its successor.
    pub(crate) rotations: Vec<(String, String)>,
    pub(crate) state: State,
    /// A sign-out whose answer was lost may still come true.
    pub(crate) may_end: bool,
}

/// How much the client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Live,
    /// The answer to a rotation was lost, then, and the outcome is not found out yet.
    RotationLost(Duration),
    /// The answer to a sign-out was lost and the outcome is not found out yet.
    EndLost,
    /// The server has said that it is over.
    Ended,
}

impl Session {
    /// The session that a successful sign-in has opened.
    pub(crate) fn opened(answer: &Answer) -> Self {
        let refresh_token = answer.field("refresh_token");
        Self {
            id: plain(&answer.field("session_id")),
            access_token: access_token(answer),
            binding: cookie(answer, "refresh_binding"),
            token: token_id(&refresh_token),
            refresh_token,
            parent: None,
            spent: None,
            rotations: Vec::new(),
            state: State::Live,
            may_end: false,
        }
    }

    /// Takes the tokens of a successful rotation.
    pub(crate) fn rotated(&mut self, answer: &Answer) {
        assert_eq!(plain(&answer.field("session_id")), self.id, "another session's tokens");
        let refresh_token = answer.field("refresh_token");
        let token = token_id(&refresh_token);
        assert_ne!(token, self.token, "a token must not succeed itself");
        self.rotations.push((self.token.clone(), token.clone()));
        self.token = token;
        self.spent = self.parent.take();
        self.parent = Some(std::mem::replace(&mut self.refresh_token, refresh_token));
        self.access_token = access_token(answer);
        self.state = State::Live;
    }

    /// Remembers that its end was asked for.
    pub(crate) fn ask_for_end(&mut self) {
        self.state = State::EndLost;
        self.may_end = true;
    }

    /// Whether the server has said that it is over.
    pub(crate) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether the live token may be one the client has never seen.
    pub(crate) fn may_be_ahead(&self) -> bool {
        matches!(self.state, State::RotationLost(_))
    }

    /// What proves the session in a request, as a browser or another client sends it.
    pub(crate) fn credentials(&self) -> Vec<(&'static str, String)> {
        if self.binding.is_none() {
            return vec![("authorization", format!("Bearer {}", self.access_token))];
        }
        let cookie = format!("access_token={}", self.access_token);
        vec![("cookie", cookie), ("sec-fetch-site", "same-origin".to_owned())]
    }

    /// What a rotation needs besides the token.
    pub(crate) fn binding_header(&self) -> Option<(&'static str, String)> {
        let binding = self.binding.as_ref()?;
        Some(("cookie", format!("refresh_binding={binding}")))
    }
}

/// An id without its hyphens.
fn plain(id: &str) -> String {
    id.replace('-', "")
}

fn access_token(answer: &Answer) -> String {
    cookie(answer, "access_token").unwrap_or_else(|| answer.field("access_token"))
}

fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let (pair, _) = answer.set_cookie(name)?.split_once(';')?;
    Some(pair.split_once('=')?.1.to_owned())
}

/// The claim `jti`, read without the key.
fn token_id(token: &str) -> String {
    let payload = token.split('.').nth(1).expect("a token has three parts");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("tokens are base64url");
    let claims: Value = serde_json::from_slice(&payload).expect("claims are JSON");
    plain(claims["jti"].as_str().expect("a refresh token has an id"))
}
