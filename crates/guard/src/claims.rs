//! `Claims`: the verified caller of a request.

use portcullis_domain::{AccountId, AccountKind, AssuranceLevel, Role, SessionId, Timestamp};
use portcullis_token::AccessClaims;

/// The caller, from the verified access token.
///
/// With the feature `actix` it is also an extractor, for routes that every signed-in caller may
/// use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The account.
    pub account: AccountId,
    /// The role of the account when the token was issued.
    pub role: Role,
    /// The kind of the account.
    pub kind: AccountKind,
    /// The session of the token.
    pub session: SessionId,
    /// The assurance level of the sign-in; see [`Guard::require_acr`](crate::Guard::require_acr).
    pub assurance: AssuranceLevel,
    /// The time of the sign-in, or of the latest step-up in the session.
    pub authenticated_at: Timestamp,
}

impl From<AccessClaims> for Claims {
    fn from(claims: AccessClaims) -> Self {
        let AccessClaims { subject, role, kind, session, assurance, authenticated_at, .. } = claims;
        Self { account: subject, role, kind, session, assurance, authenticated_at }
    }
}
