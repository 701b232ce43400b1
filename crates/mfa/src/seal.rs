//! Encryption of seeds for storage (XChaCha20-Poly1305), so that a stolen database yields no codes.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use portcullis_domain::SecureRandom;
use zeroize::{Zeroize, Zeroizing};

use crate::TotpSeed;
use crate::totp::SEED_BYTES;

/// The key that seals seeds. The caller derives it from the secret of the server, for this purpose
/// alone.
///
/// It prints as redacted, and its keys are wiped when dropped.
#[derive(Clone)]
pub struct SeedKey {
    current: XChaCha20Poly1305,
    previous: Option<XChaCha20Poly1305>,
}

impl SeedKey {
    /// Wraps a derived key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { current: cipher(key), previous: None }
    }

    /// Also opens seeds that were sealed under the previous key, during its replacement.
    #[must_use]
    pub fn accepting(self, previous: [u8; 32]) -> Self {
        Self { previous: Some(cipher(previous)), ..self }
    }

    /// Seals a seed for storage: nonce and ciphertext, different each time. `label` identifies the
    /// seed, such as the id of its account: it does not open under another label.
    #[expect(clippy::expect_used, reason = "the cipher takes 256 GiB")]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn seal(&self, seed: &TotpSeed, label: &str, random: &dyn SecureRandom) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let payload = Payload { msg: seed.as_bytes(), aad: label.as_bytes() };
        let sealed = self.current.encrypt(&XNonce::from(nonce), payload).expect("it is short");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens a sealed seed. The flag is true if the previous key sealed it: seal it again while that
    /// key is still known.
    pub fn open(&self, sealed: &[u8], label: &str) -> Result<(TotpSeed, bool), SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError)?;
        let open = |key: &XChaCha20Poly1305| {
            let payload = Payload { msg: sealed, aad: label.as_bytes() };
            let plain = Zeroizing::new(key.decrypt(&XNonce::from(*nonce), payload).ok()?);
            let bytes: &[u8; SEED_BYTES] = plain.as_slice().try_into().ok()?;
            Some(TotpSeed::from_bytes(*bytes))
        };
        match open(&self.current) {
            Some(seed) => Ok((seed, false)),
            None => Ok((self.previous.as_ref().and_then(open).ok_or(SealError)?, true)),
        }
    }
}

impl fmt::Debug for SeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeedKey([REDACTED])")
    }
}

/// The sealed seed was changed, belongs to another label, or was sealed under an unknown key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed seed cannot be opened")]
pub struct SealError;

const NONCE: usize = 24;

fn cipher(mut key: [u8; 32]) -> XChaCha20Poly1305 {
    let cipher = XChaCha20Poly1305::new(&key.into());
    key.zeroize();
    cipher
}

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;

    use super::*;

    const SEED: TotpSeed = TotpSeed::from_bytes(*b"12345678901234567890");

    fn opened(key: &SeedKey, sealed: &[u8], label: &str) -> Option<([u8; SEED_BYTES], bool)> {
        key.open(sealed, label).ok().map(|(seed, by_previous)| (*seed.as_bytes(), by_previous))
    }

    #[test]
    fn a_seed_opens_under_its_own_key_and_label_only() {
        let key = SeedKey::new([1; 32]);
        let sealed = key.seal(&SEED, "ada", &SystemRandom);
        assert_eq!(opened(&key, &sealed, "ada"), Some((*SEED.as_bytes(), false)));
        assert_eq!(opened(&key, &sealed, "eve"), None);
        assert_eq!(opened(&SeedKey::new([2; 32]), &sealed, "ada"), None);
        let replaced = SeedKey::new([2; 32]).accepting([1; 32]);
        assert_eq!(opened(&replaced, &sealed, "ada"), Some((*SEED.as_bytes(), true)));
        let again = replaced.seal(&SEED, "ada", &SystemRandom);
        assert_eq!(opened(&replaced, &again, "ada"), Some((*SEED.as_bytes(), false)));
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let key = SeedKey::new([1; 32]);
        let sealed = key.seal(&SEED, "ada", &SystemRandom);
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(opened(&key, &changed, "ada"), None, "byte {position}");
            assert_eq!(opened(&key, &sealed[..position], "ada"), None, "cut at {position}");
        }
    }

    #[test]
    fn nothing_sealed_shows_the_seed_or_looks_like_itself_again() {
        let key = SeedKey::new([1; 32]);
        let sealed = key.seal(&SEED, "ada", &SystemRandom);
        assert_ne!(sealed, key.seal(&SEED, "ada", &SystemRandom));
        assert!(!sealed.windows(4).any(|part| SEED.as_bytes().starts_with(part)));
        assert_eq!(format!("{key:?}"), "SeedKey([REDACTED])");
    }
}
