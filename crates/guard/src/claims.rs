use portcullis_domain::{AccountId, AccountKind, Role, SessionId};
use portcullis_token::AccessClaims;

/// Who calls, as their access token says.
///
/// With the feature `actix` it is an extractor as well, for routes that every signed-in caller may
/// use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The account.
    pub account: AccountId,
    /// Its role when the token was issued.
    pub role: Role,
    /// What sort of subject it is.
    pub kind: AccountKind,
    /// The session that the token belongs to.
    pub session: SessionId,
}

impl From<AccessClaims> for Claims {
    fn from(claims: AccessClaims) -> Self {
        let AccessClaims { subject, role, kind, session, .. } = claims;
        Self { account: subject, role, kind, session }
    }
}
