//! The state of one session, as its client knows it.

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
    /// The newest received refresh token.
    pub(crate) refresh_token: String,
    /// Its id, 32 hexadecimal digits.
    pub(crate) token: String,
    /// The refresh token before it.
    parent: Option<String>,
    /// The refresh token before that one: its successor has been used.
    pub(crate) spent: Option<String>,
    /// Each acknowledged rotation: the presented token and its successor.
    pub(crate) rotations: Vec<(String, String)>,
    pub(crate) state: State,
    /// A sign-out whose answer was lost may still take effect.
    pub(crate) may_end: bool,
}

/// The knowledge of the client about the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Live,
    /// The answer to a rotation was lost at this time, and the outcome is unknown.
    RotationLost(Duration),
    /// The answer to a sign-out was lost, and the outcome is unknown.
    EndLost,
    /// The server has answered that the session has ended.
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

    /// Records that its end was requested.
    pub(crate) fn ask_for_end(&mut self) {
        self.state = State::EndLost;
        self.may_end = true;
    }

    /// True if the server has answered that the session has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// True if the current token may be one that the client has not received.
    pub(crate) fn may_be_ahead(&self) -> bool {
        matches!(self.state, State::RotationLost(_))
    }

    /// The credentials of the session in a request, as a browser or another client sends them.
    pub(crate) fn credentials(&self) -> Vec<(&'static str, String)> {
        if self.binding.is_none() {
            return vec![("authorization", format!("Bearer {}", self.access_token))];
        }
        let cookie = format!("access_token={}", self.access_token);
        vec![("cookie", cookie), ("sec-fetch-site", "same-origin".to_owned())]
    }

    /// The headers that a rotation needs besides the token.
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
