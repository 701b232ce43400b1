//! Three functions on texts (`hash`, `verify`, `needs_rehash`) with the default cost and the
//! randomness of the operating system, for programs with few hashes. A server uses a
//! [`HashingPool`](crate::HashingPool).

use portcullis_domain::SystemRandom;

use crate::{
    Argon2Params, HashError, Hasher, Password, PasswordHash, PasswordTooLong, Scratch,
    VerificationResult,
};

/// Hashes a new password with Argon2id at the [default cost](Argon2Params::default) and a fresh
/// salt. Store [`PasswordHash::as_str`]. It takes some tens of milliseconds and 19 MiB.
///
/// Every password of at most [`Password::MAX_BYTES`] is hashed; [`Policy`](crate::Policy) checks
/// its quality.
pub fn hash(password: &str) -> Result<PasswordHash, PasswordError> {
    let password = Password::parse(password).map_err(PasswordError::TooLong)?;
    let hashed = hasher().hash(&password, &SystemRandom, &mut Scratch::default());
    hashed.map_err(PasswordError::Hash)
}

/// Verifies a password against a stored hash: Argon2id or bcrypt, of a cost that
/// [`PasswordHash::parse`] accepts. A password above [`Password::MAX_BYTES`] never matches.
pub fn verify(password: &str, stored: &str) -> Result<bool, PasswordError> {
    let stored = parse(stored)?;
    let Ok(password) = Password::parse(password) else { return Ok(false) };
    let result = hasher().verify(&password, &stored, &mut Scratch::default());
    Ok(matches!(result, VerificationResult::Match { .. }))
}

/// Returns whether the stored hash should be replaced after a successful verification: it is
/// bcrypt, or weaker than the hashes that [`hash`] writes.
pub fn needs_rehash(stored: &str) -> Result<bool, PasswordError> {
    Ok(hasher().needs_rehash(&parse(stored)?))
}

fn hasher() -> Hasher {
    Hasher::new(Argon2Params::default(), &SystemRandom)
}

fn parse(stored: &str) -> Result<PasswordHash, PasswordError> {
    PasswordHash::parse(stored).map_err(PasswordError::Hash)
}

/// The reason why one of the functions fails.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// More than [`Password::MAX_BYTES`].
    #[error("the password {0}")]
    TooLong(PasswordTooLong),
    /// The stored hash is unusable, or the new hash could not be computed.
    #[error("the password hash {0}")]
    Hash(HashError),
}

portcullis_domain::debug_as_display!(PasswordError);

#[cfg(test)]
mod tests {
    use super::*;

    const TYPED: &str = "violet otter plays 7 cellos";

    #[test]
    fn a_new_hash_matches_its_password_only_and_needs_no_other() {
        let stored = hash(TYPED).unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(verify(TYPED, stored.as_str()), Ok(true));
        assert_eq!(verify("violet otter plays 8 cellos", stored.as_str()), Ok(false));
        assert_eq!(needs_rehash(stored.as_str()), Ok(false));
    }

    #[test]
    fn bcrypt_matches_and_is_to_be_replaced() {
        let imported = bcrypt::hash(TYPED, 4).unwrap();
        assert_eq!(verify(TYPED, &imported), Ok(true));
        assert_eq!(verify("violet", &imported), Ok(false));
        assert_eq!(needs_rehash(&imported), Ok(true));
    }

    #[test]
    fn a_password_that_is_too_long_is_not_hashed_and_matches_nothing() {
        let long = "x".repeat(Password::MAX_BYTES + 1);
        let refused = hash(&long).unwrap_err();
        assert_eq!(refused, PasswordError::TooLong(PasswordTooLong));
        assert_eq!(refused.to_string(), "the password must be at most 1,024 bytes long");
        assert_eq!(verify(&long, hash(TYPED).unwrap().as_str()), Ok(false));
    }

    #[test]
    fn a_text_that_is_no_hash_is_an_error_and_not_a_mismatch() {
        assert_eq!(verify(TYPED, TYPED), Err(PasswordError::Hash(HashError::Malformed)));
        let unknown = needs_rehash("$1$salt$hash").unwrap_err();
        assert_eq!(unknown, PasswordError::Hash(HashError::UnsupportedAlgorithm));
    }
}
