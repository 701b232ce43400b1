use portcullis_domain::Timestamp;

use crate::TokenError;
use crate::jwt::Kind;
use crate::payload::payload;

/// The registered claims alone of an access token (RFC 7519 section 4.1), subject and name as
/// plain text.
///
/// For a service that only asks who calls, or that reads the tokens of an issuer whose ids are no
/// UUIDs. Roles and sessions, and with them revocation, need [`AccessClaims`](crate::AccessClaims).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClaims {
    /// The claim `sub`, never empty.
    pub subject: String,
    /// The claim `jti`, never empty.
    pub token: String,
    /// The claim `iat`.
    pub issued_at: Timestamp,
    /// The claim `exp`.
    pub expires_at: Timestamp,
}

payload! {
    /// The claims that are read; all others are ignored.
    RegisteredPayload {}
}

impl Kind for RegisteredClaims {
    const TYP: &'static str = "at+jwt";
    const TYPE: Option<&'static str> = None;
    const AUDIENCE_SUFFIX: &'static str = "";
    type Payload<'a> = RegisteredPayload<'a>;

    fn read(payload: RegisteredPayload<'_>) -> Result<Self, TokenError> {
        Ok(Self {
            subject: payload.sub.to_string(),
            token: payload.jti.to_string(),
            issued_at: Timestamp::from_seconds(payload.iat),
            expires_at: Timestamp::from_seconds(payload.exp),
        })
    }
}
