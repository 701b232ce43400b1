//! Sessions and the delivery of their tokens.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AccountId, Authentication, SessionId, TextError, Timestamp};

/// A session: one sign-in on one device, with its family of refresh tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Never reused; the JWT claim `sid`.
    pub id: SessionId,
    /// The account of the session.
    pub account_id: AccountId,
    /// The delivery of the tokens, chosen at sign-in and then fixed.
    pub delivery: Delivery,
    /// The authentication methods and assurance level of the sign-in and of its step-ups.
    pub authentication: Authentication,
    /// The time of the sign-in.
    pub authenticated_at: Timestamp,
    /// The time of the latest proof: the sign-in, or a step-up in the session. The JWT claim
    /// `auth_time`; no refresh moves it.
    pub proven_at: Timestamp,
    /// The absolute end, which no rotation extends.
    pub expires_at: Timestamp,
}

/// The delivery of a session's tokens to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// The access token in an `HttpOnly` cookie only. The refresh token in the body, where it is
    /// useless without the binding cookie.
    #[default]
    Cookie,
    /// Both tokens in the body, for clients without cookies.
    Body,
}

impl Delivery {
    /// Both ways, the default first.
    pub const ALL: [Self; 2] = [Self::Cookie, Self::Body];

    /// The stable text form, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Body => "body",
        }
    }
}

impl FromStr for Delivery {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "cookie" => Ok(Self::Cookie),
            "body" => Ok(Self::Body),
            _ => Err(TextError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_survive_a_round_trip() {
        for delivery in [Delivery::Cookie, Delivery::Body] {
            assert_eq!(delivery.as_str().parse(), Ok(delivery));
        }
        assert_eq!("post".parse::<Delivery>(), Err(TextError::Unknown));
    }
}
