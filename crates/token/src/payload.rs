//! Serialisation and parsing of claims.
//!
//! Each kind of token has its own payload struct, to which [`payload!`] adds the registered claims
//! of RFC 7519 section 4.1. Serde could share them with `flatten`, but `flatten` copies every claim
//! into a buffer first and accepts a repeated name. A derived struct reads in place, in one pass,
//! and refuses a duplicate of a known name.

use std::borrow::Cow;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};

use crate::TokenError;

/// Parses a JSON object; serde alone would accept an array for a struct too.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, TokenError> {
    if !json.starts_with('{') {
        return Err(TokenError::Malformed);
    }
    serde_json::from_str(json).map_err(|_| TokenError::Malformed)
}

/// Parses an optional member that is present: `null` is not the same as absent.
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A JSON string, borrowed from the token unless it contains escapes.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The claims that every token contains and every verifier checks.
pub struct Registered<'a> {
    pub(crate) iss: &'a str,
    pub(crate) aud: &'a str,
    pub(crate) sub: &'a str,
    pub(crate) jti: &'a str,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) nbf: Option<i64>,
    pub(crate) kind: Option<&'a str>,
}

/// A payload with registered claims.
pub trait Payload {
    /// The registered claims, not yet checked.
    fn registered(&self) -> Registered<'_>;
}

/// Declares a payload: the registered claims, then the claims of the kind. The order is the order
/// in the token, so equal claims give equal bytes.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $claim:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(serde::Serialize, serde::Deserialize)]
        pub struct $name<'a> {
            #[serde(borrow)]
            pub(super) iss: $crate::payload::Text<'a>,
            #[serde(borrow)]
            pub(super) aud: $crate::payload::Text<'a>,
            #[serde(borrow)]
            pub(super) sub: $crate::payload::Text<'a>,
            #[serde(borrow)]
            pub(super) jti: $crate::payload::Text<'a>,
            pub(super) iat: i64,
            pub(super) exp: i64,
            #[serde(
                default,
                deserialize_with = "crate::payload::present",
                skip_serializing_if = "Option::is_none"
            )]
            pub(super) nbf: Option<i64>,
            #[serde(
                borrow,
                default,
                rename = "type",
                deserialize_with = "crate::payload::present",
                skip_serializing_if = "Option::is_none"
            )]
            pub(super) kind_of_token: Option<$crate::payload::Text<'a>>,
            $($(#[$attribute])* pub(super) $claim: $type,)*
        }

        impl $crate::payload::Payload for $name<'_> {
            fn registered(&self) -> $crate::payload::Registered<'_> {
                $crate::payload::Registered {
                    iss: &self.iss,
                    aud: &self.aud,
                    sub: &self.sub,
                    jti: &self.jti,
                    iat: self.iat,
                    exp: self.exp,
                    nbf: self.nbf,
                    kind: self.kind_of_token.as_deref(),
                }
            }
        }
    };
}

pub(crate) use payload;
