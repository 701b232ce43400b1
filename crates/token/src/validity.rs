//! Period of validity of a token (RFC 7519 sections 4.1.4 and 4.1.5), in whole seconds.

use std::time::Duration;

use crate::TokenError;

/// The maximum clock difference between issuer and verifier.
pub const LEEWAY: Duration = Duration::from_secs(LEEWAY_SECONDS.unsigned_abs());

const LEEWAY_SECONDS: i64 = 5;

/// The period in which a token is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    /// The first second.
    pub(crate) from: i64,
    /// The second in which the token expires.
    pub(crate) until: i64,
}

/// The allowed age of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Unexpired,
    Any,
}

impl Validity {
    /// Refuses a token that has expired, or is not valid yet, by more than [`LEEWAY`].
    pub(crate) const fn check(self, now: i64, age: Age) -> Result<(), TokenError> {
        if matches!(age, Age::Unexpired) && self.until.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(TokenError::Expired);
        }
        if self.from.saturating_sub(LEEWAY_SECONDS) > now {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}
