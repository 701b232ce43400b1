//! Encryption of private keys and small records for storage (XChaCha20-Poly1305).

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use portcullis_domain::SecureRandom;
use zeroize::{Zeroize, Zeroizing};

use crate::{Purpose, SecretKey};

/// Encrypts the private keys of key pairs for storage, and small records that only the server may
/// write: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), whose nonces are long enough to be
/// random.
///
/// It prints as redacted, and its keys are wiped when dropped.
#[derive(Clone)]
pub struct SealingKey {
    current: XChaCha20Poly1305,
    previous: Vec<XChaCha20Poly1305>,
}

impl SealingKey {
    /// Derives the key from the configured secret.
    pub fn new(secret: &SecretKey) -> Self {
        Self { current: cipher(secret), previous: Vec::new() }
    }

    /// Also accepts data that was sealed under a previous secret, during its replacement.
    #[must_use]
    pub fn accepting(mut self, previous: &SecretKey) -> Self {
        self.previous.push(cipher(previous));
        self
    }

    /// Encrypts a record for storage; the result differs each time. `label` identifies the record:
    /// it does not open under another label.
    pub fn seal_record(&self, record: &[u8], label: &str, random: &dyn SecureRandom) -> Vec<u8> {
        self.seal(record, &record_label(label), random)
    }

    /// Decrypts a record. The flag is true if it was sealed under the previous secret: seal it
    /// again while that secret is still configured.
    pub fn open_record(&self, sealed: &[u8], label: &str) -> Result<(Vec<u8>, bool), SealError> {
        let (record, by_previous) = self.unseal(sealed, &record_label(label))?;
        Ok((record.to_vec(), by_previous))
    }

    /// Returns nonce and ciphertext.
    #[expect(clippy::expect_used, reason = "the cipher takes 256 GiB")]
    pub(crate) fn seal(
        &self,
        plain: &[u8],
        associated: &[u8],
        random: &dyn SecureRandom,
    ) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: associated };
        let sealed = self.current.encrypt(&XNonce::from(nonce), payload).expect("it is short");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts. The flag is true if a previous key was used.
    pub(crate) fn unseal(
        &self,
        sealed: &[u8],
        associated: &[u8],
    ) -> Result<(Zeroizing<Vec<u8>>, bool), SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError)?;
        let open = |key: &XChaCha20Poly1305| {
            let payload = Payload { msg: sealed, aad: associated };
            key.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
        };
        match open(&self.current) {
            Some(plain) => Ok((plain, false)),
            None => Ok((self.previous.iter().find_map(open).ok_or(SealError)?, true)),
        }
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey([REDACTED])")
    }
}

/// The sealed data was changed, belongs to another label, or was sealed under a secret that is not
/// configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed cannot be opened with SECRET_KEY or SECRET_KEY_PREVIOUS")]
pub struct SealError;

const NONCE: usize = 24;

/// Algorithm names, with which the label of a key pair begins, never begin with this prefix.
fn record_label(label: &str) -> Vec<u8> {
    ["record ", label].concat().into_bytes()
}

fn cipher(secret: &SecretKey) -> XChaCha20Poly1305 {
    let mut key = secret.derive(Purpose::SigningKeys);
    let cipher = XChaCha20Poly1305::new(&key.into());
    key.zeroize();
    cipher
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{SecretString, SystemRandom};

    use super::*;
    use crate::{KeyPair, KeyPairAlgorithm};

    const ALGORITHMS: [KeyPairAlgorithm; 2] = [KeyPairAlgorithm::EdDsa, KeyPairAlgorithm::Es256];

    fn secret(text: &str) -> SecretKey {
        SecretKey::parse(&SecretString::from(text)).unwrap()
    }

    fn old() -> SecretKey {
        secret("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU")
    }

    fn new() -> SecretKey {
        secret("mXn5cRt9yHs1dGpJ4aUf83kQz0v7LwB2")
    }

    #[test]
    fn a_pair_is_opened_under_its_own_secret_and_name_only() {
        let key = SealingKey::new(&old());
        for algorithm in ALGORITHMS {
            let pair = KeyPair::generate(algorithm, &SystemRandom);
            let sealed = pair.seal(&key, &SystemRandom);
            let open = |kid: &str, algorithm, sealed: &[u8], key: &SealingKey| {
                KeyPair::unseal(kid, algorithm, sealed, key)
            };
            let opened = open(pair.kid(), algorithm, &sealed, &key).unwrap();
            assert_eq!(opened.pair.public(), pair.public());
            assert!(!opened.by_previous);

            let other = KeyPair::generate(algorithm, &SystemRandom);
            assert!(open(other.kid(), algorithm, &sealed, &key).is_err());
            assert!(open(pair.kid(), algorithm, &sealed, &SealingKey::new(&new())).is_err());
            for another in ALGORITHMS.into_iter().filter(|another| *another != algorithm) {
                assert!(open(pair.kid(), another, &sealed, &key).is_err());
            }
        }
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let key = SealingKey::new(&old());
        let pair = KeyPair::generate(KeyPairAlgorithm::EdDsa, &SystemRandom);
        let sealed = pair.seal(&key, &SystemRandom);
        let open =
            |sealed: &[u8]| KeyPair::unseal(pair.kid(), pair.algorithm(), sealed, &key).is_ok();
        assert!(open(&sealed));
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(!open(&changed), "byte {position}");
            assert!(!open(&sealed[..position]), "cut at {position}");
        }
    }

    #[test]
    fn what_the_previous_secret_sealed_is_opened_and_says_so() {
        let pair = KeyPair::generate(KeyPairAlgorithm::Es256, &SystemRandom);
        let sealed = pair.seal(&SealingKey::new(&old()), &SystemRandom);
        let key = SealingKey::new(&new()).accepting(&old());
        let opened = KeyPair::unseal(pair.kid(), pair.algorithm(), &sealed, &key).unwrap();
        assert!(opened.by_previous);

        let resealed = opened.pair.seal(&key, &SystemRandom);
        let opened = KeyPair::unseal(pair.kid(), pair.algorithm(), &resealed, &key).unwrap();
        assert!(!opened.by_previous);
    }

    #[test]
    fn a_record_opens_under_its_own_label_and_secret_only() {
        let sealed = SealingKey::new(&old()).seal_record(b"a record", "this", &SystemRandom);
        let open = |key: &SealingKey, label| key.open_record(&sealed, label);
        let changed = SealingKey::new(&new()).accepting(&old());
        assert_eq!(open(&SealingKey::new(&old()), "this"), Ok((b"a record".to_vec(), false)));
        assert_eq!(open(&changed, "this"), Ok((b"a record".to_vec(), true)));
        assert_eq!(open(&changed, "that"), Err(SealError));
        assert_eq!(open(&SealingKey::new(&new()), "this"), Err(SealError));
    }

    #[test]
    fn nothing_sealed_looks_like_the_private_half_or_like_itself_again() {
        let key = SealingKey::new(&old());
        let pair = KeyPair::generate(KeyPairAlgorithm::EdDsa, &SystemRandom);
        assert_ne!(pair.seal(&key, &SystemRandom), pair.seal(&key, &SystemRandom));
        assert_eq!(format!("{key:?}"), "SealingKey([REDACTED])");
        assert!(!format!("{pair:?}").contains("private"));
    }
}
