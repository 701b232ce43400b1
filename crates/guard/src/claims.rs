//! `Claims`: the verified caller of a request.

use portcullis_domain::{AccountId, AccountKind, Role, SessionId};
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
}

impl From<AccessClaims> for Claims {
    fn from(claims: AccessClaims) -> Self {
        let AccessClaims { subject, role, kind, session, .. } = claims;
        Self { account: subject, role, kind, session }
    }
}
