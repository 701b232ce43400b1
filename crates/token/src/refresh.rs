use portcullis_domain::{AccountId, SessionId, Timestamp, TokenId};
use serde::Serialize;

use crate::jwt::{Issued, Kind};
use crate::payload::{Text, payload};
use crate::{Purpose, TokenError};

/// What a refresh token says: which link of which session's chain it is. Whether it was used
/// already is in the database.
///
/// Only the issuer reads it, so it stays with HS256 whatever signs access tokens. That also keeps
/// signing deterministic: a successor that got lost is made again from its stored times, byte for
/// byte. Times have whole seconds in the token; fractions are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// Whose session it is; the claim `sub`.
    pub subject: AccountId,
    /// The claim `sid`.
    pub session: SessionId,
    /// The token's own name, under which the database knows it; the claim `jti`.
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

impl Issued for RefreshClaims {
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
