//! The types of tokens, as responses name them.

use serde::{Serialize, Serializer};
use utoipa::openapi::Object;

use crate::openapi::word;

/// The type of a token.
#[derive(Clone, Copy)]
pub(crate) enum TokenType {
    /// An access token (RFC 6750).
    Bearer,
    RefreshToken,
    ApiKey,
}

impl TokenType {
    const ALL: [Self; 3] = [Self::Bearer, Self::RefreshToken, Self::ApiKey];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::RefreshToken => "refresh_token",
            Self::ApiKey => "api_key",
        }
    }
}

impl Serialize for TokenType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Any type.
pub(crate) fn any() -> Object {
    let words = TokenType::ALL.iter().map(|it| it.as_str());
    let about =
        "`Bearer` for access tokens, `refresh_token` for refresh tokens, `api_key` for API keys.";
    word::described(words, about, TokenType::Bearer.as_str())
}

/// The type of an access token.
pub(crate) fn bearer() -> Object {
    let bearer = TokenType::Bearer.as_str();
    word::described([bearer], "Always `Bearer` (RFC 6750).", bearer)
}
