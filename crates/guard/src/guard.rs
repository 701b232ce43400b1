//! What every framework's layer asks: who is this, and may they.
//!
//! Only the `Authorization` header counts. A cookie would come along with a request that another
//! site made, and belongs to the authentication server alone.

use std::fmt;
use std::sync::Arc;

use portcullis_access::{Asked, Matrix};
use portcullis_domain::{AccountId, Clock, SystemClock};
use portcullis_token::{AccessClaims, Verifier};

use crate::{Claims, Denied, Refusal};

/// Checks access tokens and asks the access matrix; one for a whole service, shared by its threads.
pub struct Guard {
    verifier: Verifier<AccessClaims>,
    matrix: Matrix,
    clock: Arc<dyn Clock>,
}

impl Guard {
    /// A guard that goes by the clock of the system.
    pub fn new(verifier: Verifier<AccessClaims>, matrix: Matrix) -> Self {
        Self { verifier, matrix, clock: Arc::new(SystemClock::new()) }
    }

    /// The same guard by another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Who calls, from all values of the `Authorization` header as they were received
    /// (RFC 6750 section 2.1).
    pub fn authenticate<'a>(
        &self,
        authorization: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Claims, Refusal> {
        let token = bearer(authorization)?;
        let claims =
            self.verifier.verify(token, self.clock.now()).map_err(Refusal::InvalidToken)?;
        if claims.password_must_change {
            return Err(Refusal::PasswordMustChange);
        }
        Ok(claims.into())
    }

    /// Refuses unless the caller's role may do `action` to `resource` in the context of `asked`,
    /// whose `subject` counts for nothing: the caller is always the subject. Words that the matrix
    /// does not know are refused. Allocates nothing unless it refuses.
    ///
    /// `asked` compares texts letter by letter, so give accounts as [`AccountId`] prints them. An
    /// owner in another spelling is somebody else, which lets `not_own` hold.
    pub fn permit(
        &self,
        caller: &Claims,
        resource: &str,
        action: &str,
        asked: &Asked<'_>,
    ) -> Result<(), Denied> {
        let subject = AccountText::of(caller.account);
        let asked = Asked { subject: subject.as_str(), ..*asked };
        let decision = self.matrix.decide_words(caller.role.as_str(), resource, action, &asked);
        if decision.is_allowed() {
            Ok(())
        } else {
            Err(Denied::new(caller.clone(), decision, self.matrix.clone()))
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verifier, matrix, clock: _ } = self;
        f.debug_struct("Guard")
            .field("verifier", verifier)
            .field("matrix", matrix)
            .finish_non_exhaustive()
    }
}

/// An account as it prints, on the stack.
pub(crate) struct AccountText([u8; 36]);

impl AccountText {
    pub(crate) fn of(account: AccountId) -> Self {
        let mut text = [0; 36];
        account.as_uuid().hyphenated().encode_lower(&mut text);
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        // A UUID in text is ASCII; the default, an absent subject, would be denied.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The scheme is compared without regard to case (RFC 9110 section 11.1). Another scheme counts as
/// no credential, because this service takes no other.
fn bearer<'a>(authorization: impl IntoIterator<Item = &'a [u8]>) -> Result<&'a str, Refusal> {
    let mut values = authorization.into_iter();
    let value = values.next().ok_or(Refusal::NotAuthenticated)?;
    if values.next().is_some() {
        return Err(Refusal::AmbiguousCredentials);
    }
    let text = str::from_utf8(value).map_err(|_| Refusal::NotAuthenticated)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        _ => Err(Refusal::NotAuthenticated),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{SystemRandom, Timestamp};

    use super::*;

    #[test]
    fn an_account_has_one_spelling() {
        let account = AccountId::generate(Timestamp::from_seconds(1_800_000_000), &SystemRandom);
        assert_eq!(AccountText::of(account).as_str(), account.to_string());
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        for value in ["Bearer abc", "bearer abc", "BEARER abc"] {
            assert_eq!(bearer([value.as_bytes()]).unwrap(), "abc");
        }
        for value in ["", "Bearer", "abc", "Basic abc", "Bearer\tabc", " Bearer abc"] {
            let refused = bearer([value.as_bytes()]);
            assert!(matches!(refused, Err(Refusal::NotAuthenticated)), "{value:?}");
        }
        assert!(matches!(bearer([&b"\xff"[..]]), Err(Refusal::NotAuthenticated)));
    }
}
