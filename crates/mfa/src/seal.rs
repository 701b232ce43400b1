//! Encryption of factors for storage (XChaCha20-Poly1305): a stolen database yields no codes, and whoever
//! writes to it can neither add a factor nor move one to another account.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use portcullis_domain::SecureRandom;
use zeroize::{Zeroize, Zeroizing};

use crate::TotpSeed;
use crate::totp::SEED_BYTES;

/// The key that seals seeds, and other bytes of a factor such as the public key of a passkey. The
/// caller derives it from the secret of the server, for this purpose alone.
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

    /// Also opens what was sealed under the previous key, during its replacement.
    #[must_use]
    pub fn accepting(self, previous: [u8; 32]) -> Self {
        Self { previous: Some(cipher(previous)), ..self }
    }

    /// Seals a seed for storage: nonce and ciphertext, different each time. `label` identifies the
    /// seed, such as the id of its account: it does not open under another label.
    pub fn seal(&self, seed: &TotpSeed, label: &str, random: &dyn SecureRandom) -> Vec<u8> {
        self.seal_bytes(seed.as_bytes(), label, random)
    }

    /// Opens a sealed seed. The flag is true if the previous key sealed it: seal it again while that
    /// key is still known.
    pub fn open(&self, sealed: &[u8], label: &str) -> Result<(TotpSeed, bool), SealError> {
        let (bytes, by_previous) = self.open_bytes(sealed, label)?;
        let bytes: &[u8; SEED_BYTES] = bytes.as_slice().try_into().map_err(|_| SealError)?;
        Ok((TotpSeed::from_bytes(*bytes), by_previous))
    }

    /// Seals short bytes for storage: 40 bytes more, different each time. `label` says what the bytes are
    /// and what they belong to, such as kind, account and credential id: they do not open under another
    /// label. It is no list with separators that a value could contain.
    #[expect(clippy::expect_used, reason = "the cipher takes 256 GiB")]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn seal_bytes(&self, bytes: &[u8], label: &str, random: &dyn SecureRandom) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let payload = Payload { msg: bytes, aad: label.as_bytes() };
        let sealed = self.current.encrypt(&XNonce::from(nonce), payload).expect("it is short");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens sealed bytes, with the same flag as [`Self::open`].
    pub fn open_bytes(
        &self,
        sealed: &[u8],
        label: &str,
    ) -> Result<(Zeroizing<Vec<u8>>, bool), SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError)?;
        let open = |key: &XChaCha20Poly1305| {
            let payload = Payload { msg: sealed, aad: label.as_bytes() };
            key.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
        };
        match open(&self.current) {
            Some(bytes) => Ok((bytes, false)),
            None => Ok((self.previous.as_ref().and_then(open).ok_or(SealError)?, true)),
        }
    }

    /// Seals again, under the present key, what the previous key sealed; `None` if the present one did.
    pub fn reseal(
        &self,
        sealed: &[u8],
        label: &str,
        random: &dyn SecureRandom,
    ) -> Result<Option<Vec<u8>>, SealError> {
        let (bytes, by_previous) = self.open_bytes(sealed, label)?;
        Ok(by_previous.then(|| self.seal_bytes(&bytes, label, random)))
    }
}

impl fmt::Debug for SeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeedKey([REDACTED])")
    }
}

/// The sealed bytes were changed, belong to another label, or were sealed under an unknown key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes cannot be opened")]
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
        assert_eq!(replaced.reseal(&sealed, "eve", &SystemRandom), Err(SealError));
        let again = replaced.reseal(&sealed, "ada", &SystemRandom).unwrap().unwrap();
        assert_eq!(opened(&replaced, &again, "ada"), Some((*SEED.as_bytes(), false)));
        assert_eq!(replaced.reseal(&again, "ada", &SystemRandom), Ok(None));
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
    fn short_bytes_open_under_their_label_only_and_are_no_seed_of_another_length() {
        let key = SeedKey::new([1; 32]);
        for bytes in [&[][..], &[4; 19], &[4; 21], &[4; 600]] {
            let sealed = key.seal_bytes(bytes, "passkey of ada", &SystemRandom);
            assert_eq!(sealed.len(), bytes.len() + 40);
            let opened_bytes =
                |label| key.open_bytes(&sealed, label).map(|(it, by)| (it.to_vec(), by));
            assert_eq!(opened_bytes("passkey of ada"), Ok((bytes.to_vec(), false)));
            assert_eq!(opened_bytes("passkey of eve"), Err(SealError));
            assert_eq!(opened(&key, &sealed, "passkey of ada"), None);
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
