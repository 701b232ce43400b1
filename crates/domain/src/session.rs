use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AccountId, Authentication, SessionId, TextError, Timestamp};

/// One sign-in on one device: the family of refresh tokens that descends from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Never reused; the JWT claim `sid`.
    pub id: SessionId,
    /// Whose session it is.
    pub account_id: AccountId,
    /// How its tokens travel, chosen at sign-in and kept.
    pub delivery: Delivery,
    /// How the person proved who they are.
    pub authentication: Authentication,
    /// When they did so; the JWT claim `auth_time`.
    pub authenticated_at: Timestamp,
    /// The absolute end, which no rotation moves.
    pub expires_at: Timestamp,
}

/// How the tokens of a session reach their client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// The access token in an `HttpOnly` cookie only; the refresh token in the body, where it is
    /// useless without the binding cookie.
    #[default]
    Cookie,
    /// Both tokens in the body, for clients without cookies.
    Body,
}

impl Delivery {
    /// The stable word for it, as stored and sent.
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
