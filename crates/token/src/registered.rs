//! The registered claims alone (RFC 7519 section 4.1), with subject and token id as plain text.

use portcullis_domain::Timestamp;

use crate::TokenError;
use crate::jwt::Kind;
use crate::payload::payload;

/// The registered claims of an access token (RFC 7519 section 4.1), with subject and token id as
/// plain text.
///
/// For a service that only needs the caller's identity, or that reads the tokens of an issuer whose
/// ids are not UUIDs. Roles, sessions and revocation need [`AccessClaims`](crate::AccessClaims).
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
    /// The claims that are parsed; all others are ignored.
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
