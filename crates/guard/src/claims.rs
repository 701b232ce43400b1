//! `Claims`: the verified caller of a request.

use std::sync::Arc;

use portcullis_access::Scope;
use portcullis_domain::{
    AccountId, AccountKind, ApiKeyId, AssuranceLevel, Role, SessionId, Timestamp,
};
use portcullis_token::AccessClaims;

/// The caller, from the verified access token or API key.
///
/// With the feature `actix` it is also an extractor, for routes that every authenticated caller may
/// use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The account; for an API key its owner.
    pub account: AccountId,
    /// The role of the account: when the token was issued, or when the API key was checked.
    pub role: Role,
    /// The kind of the account.
    pub kind: AccountKind,
    /// The credential that authenticated the account.
    pub credential: Credential,
}

/// The credential of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// An access token of a session.
    AccessToken {
        /// The session.
        session: SessionId,
        /// The assurance level of the sign-in; see [`Guard::require_acr`](crate::Guard::require_acr).
        assurance: AssuranceLevel,
        /// The time of the sign-in, or of the latest step-up in the session.
        authenticated_at: Timestamp,
    },
    /// An API key of the account.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// The part of the rights of its owner that it may use.
        scope: Arc<Scope>,
    },
}

impl Claims {
    /// The session of an access token; `None` for an API key.
    pub const fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::AccessToken { session, .. } => Some(session),
            Credential::ApiKey { .. } => None,
        }
    }

    /// The id and the scope of the API key; `None` for an access token.
    pub fn api_key(&self) -> Option<(ApiKeyId, &Scope)> {
        match &self.credential {
            Credential::ApiKey { key, scope } => Some((*key, scope)),
            Credential::AccessToken { .. } => None,
        }
    }
}

impl From<AccessClaims> for Claims {
    fn from(claims: AccessClaims) -> Self {
        let AccessClaims { subject, role, kind, session, assurance, authenticated_at, .. } = claims;
        let credential = Credential::AccessToken { session, assurance, authenticated_at };
        Self { account: subject, role, kind, credential }
    }
}
