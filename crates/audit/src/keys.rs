//! Keys of the audit log, derived from the secret key: chains, entries, cursors, checkpoints.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_domain::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroize;

use crate::Fingerprint;
use crate::hexadecimal::hexadecimal;

/// The keys of the audit log: one for the links of its chains, one for entries, one for cursors, and a
/// signing key for its checkpoints.
///
/// All are derived from the secret key of the server, and wiped from memory on drop.
pub struct AuditKeys {
    links: Hmac<Sha256>,
    entries: Hmac<Sha256>,
    cursors: Hmac<Sha256>,
    checkpoints: Ed25519KeyPair,
}

impl AuditKeys {
    /// Returns the keys of a server with this secret: the text of `SECRET_KEY`, or of its file
    /// without the line end.
    ///
    /// HKDF-SHA-256 (RFC 5869) without salt, one label for each key. For a key as long as the
    /// digest its two steps are one HMAC each.
    pub fn from_secret(secret: &SecretString) -> Self {
        let mut root = mac(&keyed(&[0; 32]), &[secret.expose_secret().as_bytes()]);
        let derive = |label| mac(&keyed(&root), &[label, &[1]]);
        let keys = Self::new(derive(CHAIN_KEY), derive(CHECKPOINT_KEY));
        root.zeroize();
        keys
    }

    /// Creates the keys from 32 derived bytes each: the key of the links, and the Ed25519 seed (RFC
    /// 8032 section 5.1.5) of the checkpoints.
    #[expect(clippy::expect_used, reason = "every 32 bytes are an Ed25519 seed")]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn new(mut chain_key: [u8; 32], mut checkpoint_seed: [u8; 32]) -> Self {
        let links = keyed(&chain_key);
        let mut entry_key = mac(&links, &[ENTRY_KEY]);
        let entries = keyed(&entry_key);
        let mut cursor_key = mac(&links, &[CURSOR_KEY]);
        let cursors = keyed(&cursor_key);
        let checkpoints =
            Ed25519KeyPair::from_seed_unchecked(&checkpoint_seed).expect("a seed has 32 bytes");
        chain_key.zeroize();
        entry_key.zeroize();
        cursor_key.zeroize();
        checkpoint_seed.zeroize();
        Self { links, entries, cursors, checkpoints }
    }

    /// Returns the public key, which verifies checkpoints and cannot sign them.
    pub fn checkpoint_key(&self) -> CheckpointKey {
        let mut bytes = [0; 32];
        for (byte, public) in bytes.iter_mut().zip(self.checkpoints.public_key().as_ref()) {
            *byte = *public;
        }
        CheckpointKey(bytes)
    }

    /// Returns the HMAC-SHA-256 (RFC 2104) of the concatenated parts. All parts except the last
    /// have a fixed length.
    pub(crate) fn link(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.links, parts)
    }

    /// Returns the keyed state for the tags of single entries inside a block.
    pub(crate) fn entries(&self) -> &Hmac<Sha256> {
        &self.entries
    }

    /// Returns the HMAC-SHA-256 of the concatenated parts, under the key of cursors.
    pub(crate) fn tag_cursor(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.cursors, parts)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        for (byte, signed) in bytes.iter_mut().zip(self.checkpoints.sign(message).as_ref()) {
            *byte = *signed;
        }
        Signature(bytes)
    }
}

impl fmt::Debug for AuditKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditKeys").finish_non_exhaustive()
    }
}

/// The public key that verifies checkpoints. Printed in hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckpointKey([u8; 32]);

hexadecimal!(CheckpointKey, 32);

impl CheckpointKey {
    /// Returns the SHA-256 digest of the key, for comparison by eye or by telephone.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, &signature.0).is_ok()
    }
}

/// An Ed25519 signature (RFC 8032 section 5.1.6). Printed in hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signature([u8; 64]);

hexadecimal!(Signature, 64);

/// Copies the keyed state, so that the key is expanded once and not once for each message.
pub(crate) fn mac(keyed: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length")]
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

const CHAIN_KEY: &[u8] = b"portcullis/v1/audit-chain";
const CHECKPOINT_KEY: &[u8] = b"portcullis/v1/audit-checkpoint";
const ENTRY_KEY: &[u8] = b"portcullis/audit/entry/v1";
const CURSOR_KEY: &[u8] = b"portcullis/audit/cursor/v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", AuditKeys::new([1; 32], [2; 32])), "AuditKeys { .. }");
    }

    /// The expected values were computed with the HMAC of Python's standard library after RFC 5869
    /// section 2.
    #[test]
    fn the_keys_of_a_secret_never_change() {
        let keys = AuditKeys::from_secret(&"f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU".into());
        let [chain, seed] = [
            "d1711924c87c60e73962b40bb7aa770dfaec501839c64378e63383fb1935db9b",
            "732da784eb3158d82906110248a6f393c5ea07c52505c808519760cbc8853d06",
        ]
        .map(|text| crate::hexadecimal::from_hexadecimal(text).unwrap());
        let derived = AuditKeys::new(chain, seed);
        assert_eq!(keys.link(&[b"a message"]), derived.link(&[b"a message"]));
        assert_eq!(keys.checkpoint_key(), derived.checkpoint_key());
    }

    #[test]
    fn a_signature_is_checked_with_the_public_half_alone() {
        let keys = AuditKeys::new([1; 32], [2; 32]);
        let other = AuditKeys::new([1; 32], [3; 32]).checkpoint_key();
        let signature = keys.sign(b"a message");
        assert!(keys.checkpoint_key().verifies(b"a message", &signature));
        assert!(!keys.checkpoint_key().verifies(b"another", &signature));
        assert!(!other.verifies(b"a message", &signature));
    }

    /// RFC 8032 section 7.1, test 1: the empty message.
    #[test]
    fn the_signature_is_ed25519() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed = crate::hexadecimal::from_hexadecimal(seed).unwrap();
        let keys = AuditKeys::new([1; 32], seed);
        assert_eq!(
            keys.checkpoint_key().to_string(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(
            keys.sign(b"").to_string(),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        );
    }
}
