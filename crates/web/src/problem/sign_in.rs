//! Errors of sign-in, refresh and password hashing.

use portcullis_flows::sign_in::SignInError;
use portcullis_flows::sign_in::refresh::RefreshError;
use portcullis_password::HashingError;

use super::{Code, Problem};

impl From<HashingError> for Problem {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Overloaded(overloaded) => {
                Self::new(Code::Overloaded).retry_after(overloaded.retry_after)
            }
            error => {
                tracing::error!(%error, "hashing failed");
                Self::new(Code::Internal)
            }
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => Self::new(Code::InvalidCredentials),
            SignInError::Unverified => Self::new(Code::EmailNotVerified),
            SignInError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            SignInError::Overloaded(overloaded) => {
                Self::new(Code::Overloaded).retry_after(overloaded.retry_after)
            }
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::new(Code::InvalidRefreshToken),
            RefreshError::Reused => Self::new(Code::RefreshTokenReused),
            RefreshError::Store(error) => error.into(),
        }
    }
}
