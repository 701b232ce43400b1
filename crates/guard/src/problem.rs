//! The response to a refused caller: the same for every reason that would help an attacker, and the
//! same in every framework. Bodies are `application/problem+json` (RFC 9457); the codes are those
//! of the authentication server.

use std::borrow::Cow;
use std::time::Duration;

use portcullis_domain::AssuranceLevel;
use serde::{Serialize, Serializer};

use crate::Refusal;

/// The `Content-Type` of every problem response.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// The response to a refused caller, independent of the framework.
#[derive(Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type", serialize_with = "urn")]
    kind: &'static str,
    title: &'static str,
    pub(crate) status: u16,
    detail: &'static str,
    pub(crate) code: &'static str,
    /// The `WWW-Authenticate` header.
    #[serde(skip)]
    pub(crate) challenge: Option<Cow<'static, str>>,
    /// The `Retry-After` header, in seconds.
    #[serde(skip)]
    pub(crate) retry_after: Option<&'static str>,
}

impl Problem {
    /// The body.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    const fn new(
        status: u16,
        code: &'static str,
        title: &'static str,
        detail: &'static str,
    ) -> Self {
        Self { kind: code, title, status, detail, code, challenge: None, retry_after: None }
    }

    /// Adds a challenge: RFC 6750 section 3 allows an error code only when there was a bearer
    /// token.
    fn challenged(self, challenge: impl Into<Cow<'static, str>>) -> Self {
        Self { challenge: Some(challenge.into()), ..self }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotAuthenticated => Self::new(
                401,
                "not_authenticated",
                "Sign in first",
                "Send an access token as `Authorization: Bearer`.",
            )
            .challenged(r#"Bearer realm="portcullis""#),
            Refusal::AmbiguousCredentials => Self::new(
                400,
                "ambiguous_credentials",
                "The request carries more than one credential",
                "Send one Authorization header.",
            )
            .challenged(r#"Bearer realm="portcullis", error="invalid_request""#),
            Refusal::InvalidToken(_) | Refusal::Revoked(_) => Self::new(
                401,
                "invalid_token",
                "The access token is not valid",
                "Refresh it, or sign in again.",
            )
            .challenged(r#"Bearer realm="portcullis", error="invalid_token""#),
            Refusal::InvalidApiKey => Self::new(
                401,
                "invalid_api_key",
                "The API key is not valid",
                "Check the key, its expiry, its networks and its owner at the authentication server.",
            )
            .challenged(r#"Bearer realm="portcullis", error="invalid_token""#),
            Refusal::OutsideNetworks(_) => Self::new(
                403,
                "outside_networks",
                "The credential is not for use from this network",
                "Send the request from one of the networks of the account.",
            ),
            Refusal::ApiKeyNotAccepted(_) => Self::new(
                403,
                "api_key_not_accepted",
                "This takes no API key",
                "Sign in at the authentication server and send the access token.",
            ),
            Refusal::OutOfScope { .. } => Self::new(
                403,
                "out_of_scope",
                "The scope of the API key does not cover this",
                "Create a key with a scope that covers it.",
            ),
            Refusal::Stale(_) | Refusal::ApiKeyUnchecked => Self {
                retry_after: Some("1"),
                ..Self::new(
                    503,
                    "unavailable",
                    "The server cannot do this at the moment",
                    "Wait as long as Retry-After says, then try again.",
                )
            },
            Refusal::PasswordMustChange => Self::new(
                403,
                "password_change_required",
                "The password must be changed first",
                "Change it at the authentication server, then sign in again.",
            ),
            Refusal::FactorRequired => Self::new(
                403,
                "factor_required",
                "A second factor must be enrolled first",
                "Enrol one at the authentication server, then sign in again.",
            ),
            Refusal::InsufficientAuthentication { level, max_age } => Self::new(
                401,
                "insufficient_user_authentication",
                "A stronger or more recent sign-in is required",
                "Step up or sign in again at the authentication server, then repeat the request.",
            )
            .challenged(step_up(*level, *max_age)),
            Refusal::Denied(_) => Self::new(
                403,
                "forbidden",
                "This is not allowed",
                "Ask an administrator for a role that may do this.",
            ),
            Refusal::NoMatrix | Refusal::NoGuard => Self::new(
                500,
                "internal",
                "Something went wrong on our side",
                "Try again; if it stays, tell the operator.",
            ),
        }
    }
}

/// RFC 9470 section 3.
fn step_up(level: AssuranceLevel, max_age: Option<Duration>) -> String {
    let max_age = max_age.map(|age| format!(", max_age={}", age.as_secs())).unwrap_or_default();
    format!(
        r#"Bearer realm="portcullis", error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is required", acr_values="{}"{max_age}"#,
        level.as_str(),
    )
}

fn urn<S: Serializer>(code: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:portcullis:problem:{code}"))
}
