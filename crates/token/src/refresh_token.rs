//! Claims of the refresh token, which only the issuer reads.

use portcullis_domain::{AccountId, SessionId, Timestamp, TokenId};
use serde::Serialize;

use crate::jwt::{Kind, SignedKind};
use crate::payload::{Text, payload};
use crate::{Purpose, TokenError};

/// The claims of a refresh token: the session and the position in its chain of rotations. The
/// database records whether the token was used.
///
/// Only the issuer reads it, so it is always signed with HS256, whatever signs access tokens. This
/// also keeps signing deterministic: a lost successor is made again from its stored times, byte for
/// byte. Times have whole seconds in the token; fractions are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The account of the session; the claim `sub`.
    pub subject: AccountId,
    /// The claim `sid`.
    pub session: SessionId,
    /// The id of the token in the database; the claim `jti`.
    pub token: TokenId,
    /// The claim `iat`.
    pub issued_at: Timestamp,
    /// The claim `exp`.
    pub expires_at: Timestamp,
}

payload! {
    /// The claims in the order in which they are written.
    RefreshPayload {
        sid: SessionId,
    }
}

impl Kind for RefreshClaims {
    const TYP: &'static str = "rt+jwt";
    const TYPE: Option<&'static str> = Some("refresh");
    const AUDIENCE_SUFFIX: &'static str = "/refresh";
    type Payload<'a> = RefreshPayload<'a>;

    fn read(payload: RefreshPayload<'_>) -> Result<Self, TokenError> {
        Ok(Self {
            subject: payload.sub.parse().map_err(|_| TokenError::Malformed)?,
            session: payload.sid,
            token: payload.jti.parse().map_err(|_| TokenError::Malformed)?,
            issued_at: Timestamp::from_seconds(payload.iat),
            expires_at: Timestamp::from_seconds(payload.exp),
        })
    }
}

impl SignedKind for RefreshClaims {
    const PURPOSE: Purpose = Purpose::RefreshToken;

    fn write<'a>(&'a self, issuer: &'a str, audience: &'a str) -> impl Serialize {
        RefreshPayload {
            iss: issuer.into(),
            aud: audience.into(),
            sub: self.subject.to_string().into(),
            jti: self.token.to_string().into(),
            iat: self.issued_at.as_seconds(),
            exp: self.expires_at.as_seconds(),
            nbf: None,
            kind_of_token: Self::TYPE.map(Text::from),
            sid: self.session,
        }
    }
}
