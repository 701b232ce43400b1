//! Claims of the access token (RFC 9068). Services verify it offline with the published keys.

use std::time::Duration;

use portcullis_domain::{
    AccountId, AccountKind, AssuranceLevel, AuthenticationMethod, NetworkList, Role, SessionId,
    Timestamp, TokenId,
};
use serde::Serialize;

use crate::jwt::{Kind, SignedKind};
use crate::payload::Text;
use crate::{JsonWebKeySetError, KeySet, Purpose, TokenError, Verifier};

mod layout;
mod payload;

use self::payload::AccessPayload;

/// The claims of an access token (RFC 9068, with `role`, `kind`, `password_must_change`,
/// `factor_required` and `networks` as private claims). They contain no personal data, because many services see a token.
///
/// Times have whole seconds in the token; fractions are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The account that acts; the claim `sub`.
    pub subject: AccountId,
    /// The session of the token, by which it can be revoked; the claim `sid`.
    pub session: SessionId,
    /// The id of the token; the claim `jti`.
    pub token: TokenId,
    /// The claim `iat`.
    pub issued_at: Timestamp,
    /// The claim `exp`.
    pub expires_at: Timestamp,
    /// The role of the account when the token was issued.
    pub role: Role,
    /// The kind of the account.
    pub kind: AccountKind,
    /// The assurance level of the sign-in; the claim `acr`, absent from the token for the lowest.
    pub assurance: AssuranceLevel,
    /// The authentication methods of the sign-in; the claim `amr`.
    pub authentication_methods: Vec<AuthenticationMethod>,
    /// The time of the sign-in, or of the latest step-up in the session; the claim `auth_time`.
    pub authenticated_at: Timestamp,
    /// True if the subject may only change the password; absent from the token if false.
    pub password_must_change: bool,
    /// True if the subject may only enrol a second factor; absent from the token if false.
    pub factor_required: bool,
    /// The networks that the token may be used from, in the claim with spaces between them. `None` allows
    /// all, and is absent from the token; an empty list allows none.
    pub networks: Option<NetworkList>,
}

impl AccessClaims {
    /// The maximum lifetime of an access token; no configuration of the server allows more.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
}

impl Verifier<AccessClaims> {
    /// Accepts access tokens of `issuer` for `audience`, as [`Verifier::new`] does, with the keys
    /// of a published document: the text of the issuer's `/.well-known/jwks.json`. A token with a
    /// lifetime above [`AccessClaims::MAX_LIFETIME`] is refused.
    ///
    /// The issuer rotates its keys: fetch the document regularly, and pass [`KeySet::from_jwks`] to
    /// [`Verifier::replace_keys`].
    pub fn from_jwks(json: &str, issuer: &str, audience: &str) -> Result<Self, JsonWebKeySetError> {
        let keys = KeySet::from_jwks(json)?;
        if keys.is_empty() {
            return Err(JsonWebKeySetError::NoUsableKey);
        }
        Ok(Self::new(keys, issuer, audience, AccessClaims::MAX_LIFETIME))
    }
}

impl Kind for AccessClaims {
    const TYP: &'static str = "at+jwt";
    const TYPE: Option<&'static str> = None;
    const AUDIENCE_SUFFIX: &'static str = "";
    type Payload<'a> = AccessPayload<'a>;

    fn find<'a>(json: &'a str, issuer: &str, audience: &str) -> Option<AccessPayload<'a>> {
        layout::read(json, issuer, audience)
    }

    fn read(payload: AccessPayload<'_>) -> Result<Self, TokenError> {
        Ok(Self {
            subject: payload.sub.parse().map_err(|_| TokenError::Malformed)?,
            session: payload.sid,
            token: payload.jti.parse().map_err(|_| TokenError::Malformed)?,
            issued_at: Timestamp::from_seconds(payload.iat),
            expires_at: Timestamp::from_seconds(payload.exp),
            role: Role::parse(&payload.role).map_err(|_| TokenError::Malformed)?,
            kind: payload.kind,
            assurance: payload.acr.unwrap_or_default(),
            authentication_methods: payload.amr,
            authenticated_at: Timestamp::from_seconds(payload.auth_time),
            password_must_change: payload.password_must_change,
            factor_required: payload.factor_required,
            networks: payload
                .networks
                .map(|networks| networks.parse().map_err(|_| TokenError::Malformed))
                .transpose()?,
        })
    }
}

impl SignedKind for AccessClaims {
    const PURPOSE: Purpose = Purpose::AccessToken;

    fn write<'a>(&'a self, issuer: &'a str, audience: &'a str) -> impl Serialize {
        AccessPayload {
            iss: issuer.into(),
            aud: audience.into(),
            sub: self.subject.to_string().into(),
            jti: self.token.to_string().into(),
            iat: self.issued_at.as_seconds(),
            exp: self.expires_at.as_seconds(),
            nbf: None,
            kind_of_token: Self::TYPE.map(Text::from),
            sid: self.session,
            role: self.role.as_str().into(),
            kind: self.kind,
            acr: Some(self.assurance).filter(|level| *level > AssuranceLevel::default()),
            amr: self.authentication_methods.clone(),
            auth_time: self.authenticated_at.as_seconds(),
            password_must_change: self.password_must_change,
            factor_required: self.factor_required,
            networks: self.networks.as_ref().map(|networks| networks.to_string().into()),
        }
    }
}
