//! The shared secret of HS256, for services that verify access tokens themselves.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::base64url;
use crate::key_set::hs256_kid;
use crate::secret_key::{Purpose, SecretKey};

/// The key that signs access tokens with HS256: 32 bytes, as text 43 characters of base64url.
///
/// It can sign as well as verify, for every account and role, so it is only for trusted services.
/// It grants nothing else: the secret of the server cannot be computed from it. It prints as
/// redacted and is wiped when dropped.
#[derive(Clone)]
pub struct SharedSecret(Zeroizing<[u8; 32]>);

impl SharedSecret {
    /// Derives the shared secret from the secret of a server.
    pub fn of(secret: &SecretKey) -> Self {
        secret.derive(Purpose::AccessToken).into()
    }

    /// The text for the service.
    pub fn expose(&self) -> Zeroizing<String> {
        base64url::encode(*self.0).into()
    }

    /// The `kid` of tokens under it. It reveals nothing about the secret.
    pub fn kid(&self) -> String {
        hs256_kid(&self.0)
    }

    /// The bytes, for [`VerifyingKey::hs256`](crate::VerifyingKey::hs256).
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for SharedSecret {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }
}

impl FromStr for SharedSecret {
    type Err = SharedSecretError;

    fn from_str(text: &str) -> Result<Self, SharedSecretError> {
        base64url::decode_exact(text)
            .map(|bytes| Self(Zeroizing::new(bytes)))
            .ok_or(SharedSecretError)
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret([REDACTED])")
    }
}

/// The text is not a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be what `portcullis keys shared-secret` prints, 43 characters of base64url")]
pub struct SharedSecretError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_reads_as_the_key_it_stands_for_and_is_shown_nowhere_else() {
        let secret = SecretKey::parse(&"f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU".into()).unwrap();
        let shared = SharedSecret::of(&secret);
        let read: SharedSecret = shared.expose().parse().unwrap();
        assert_eq!(*read.as_bytes(), secret.derive(Purpose::AccessToken));
        assert!(!format!("{shared:?}").contains(&*shared.expose()));
    }

    #[test]
    fn a_text_of_another_form_is_refused() {
        let good = SharedSecret::from([7; 32]).expose();
        for text in ["", &good[..42], &format!("{}=", *good), &format!("{}\n", *good)] {
            assert_eq!(text.parse::<SharedSecret>().unwrap_err(), SharedSecretError, "{text:?}");
        }
    }
}
