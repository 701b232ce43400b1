//! Errors of sign-in, refresh and password hashing.

use portcullis_flows::sign_in::reauthentication::ReauthenticationError;
use portcullis_flows::sign_in::refresh::RefreshError;
use portcullis_flows::sign_in::totp::FactorError;
use portcullis_flows::sign_in::{ChallengeError, PasskeySignInError, SignInError};
use portcullis_password::HashingError;

use super::{Code, Problem};

impl From<HashingError> for Problem {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Overloaded(overloaded) => {
                Self::new(Code::Overloaded).retry_after(overloaded.retry_after)
            }
            // The log says why, where the list is read.
            HashingError::UnreadableList => Self::new(Code::Unavailable),
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
            RefreshError::OutsideNetworks => Self::new(Code::OutsideNetworks),
            RefreshError::Store(error) => error.into(),
        }
    }
}

impl From<ChallengeError> for Problem {
    fn from(error: ChallengeError) -> Self {
        match error {
            ChallengeError::Over => Self::new(Code::InvalidMfaToken),
            ChallengeError::WrongCode => Self::new(Code::InvalidCode),
            ChallengeError::Unverified => Self::new(Code::EmailNotVerified),
            ChallengeError::Hashing(error) => error.into(),
            ChallengeError::Store(error) => error.into(),
        }
    }
}

impl From<PasskeySignInError> for Problem {
    fn from(error: PasskeySignInError) -> Self {
        match error {
            PasskeySignInError::Unavailable => Self::new(Code::NoPasskeys),
            PasskeySignInError::Refused => Self::new(Code::InvalidPasskey),
            PasskeySignInError::Unverified => Self::new(Code::EmailNotVerified),
            PasskeySignInError::Store(error) => error.into(),
        }
    }
}

impl From<ReauthenticationError> for Problem {
    fn from(error: ReauthenticationError) -> Self {
        match error {
            ReauthenticationError::WrongPassword => Self::new(Code::WrongPassword),
            ReauthenticationError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            ReauthenticationError::Overloaded(overloaded) => {
                Self::new(Code::Overloaded).retry_after(overloaded.retry_after)
            }
            ReauthenticationError::Store(error) => error.into(),
        }
    }
}

impl From<FactorError> for Problem {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Reauthentication(error) => error.into(),
            FactorError::WrongCode => Self::new(Code::WrongCode),
            FactorError::NoEnrolment => Self::new(Code::NoEnrolment),
            FactorError::NoPasskeys => Self::new(Code::NoPasskeys),
            FactorError::PasskeyRefused => Self::new(Code::PasskeyRefused),
            FactorError::TooManyPasskeys => Self::new(Code::TooManyPasskeys),
            FactorError::NoFactor => Self::new(Code::NoFactor),
            FactorError::LastFactor => Self::new(Code::LastFactor),
            FactorError::SessionEnded => Self::new(Code::InvalidToken),
            FactorError::Hashing(error) => error.into(),
            FactorError::Enrolment(error) => {
                tracing::error!(%error, "a seed could not be shown");
                Self::new(Code::Internal)
            }
            FactorError::Store(error) => error.into(),
        }
    }
}
