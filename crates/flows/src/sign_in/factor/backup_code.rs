//! Backup codes as proofs: the sealed hashes of a set.
//!
//! The hashes of a set are sealed together, with their account, under a key that the secret of the server
//! yields. So a person who can write the database can neither add a code nor move one to another account.

use std::fmt;
use std::sync::Arc;

use portcullis_domain::{AccountId, SecureRandom, constant_time_eq};
use portcullis_mfa::{SealError, SeedKey};
use portcullis_password::PasswordHash;

/// Seals sets of backup codes.
#[derive(Clone)]
pub struct BackupCodeSeal(Arc<SeedKey>);

impl BackupCodeSeal {
    /// Creates a seal. The caller derives the key from the secret of the server, for this purpose alone.
    pub const fn new(key: Arc<SeedKey>) -> Self {
        Self(key)
    }

    /// Seals the hashes of a set.
    pub(crate) fn seal(
        &self,
        account: AccountId,
        hashes: &[PasswordHash],
        random: &dyn SecureRandom,
    ) -> Vec<u8> {
        let lines: Vec<&str> = hashes.iter().map(PasswordHash::as_str).collect();
        self.0.seal_bytes(lines.join("\n").as_bytes(), &label(account), random)
    }

    /// Seals a set again, if the previous secret key sealed it.
    pub(crate) fn reseal(
        &self,
        account: AccountId,
        sealed: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Option<Vec<u8>>, SealError> {
        self.0.reseal(sealed, &label(account), random)
    }

    /// The hashes of a set. A set that cannot be opened has none, and the log says so.
    pub(crate) fn open(&self, account: AccountId, sealed: &[u8]) -> Vec<PasswordHash> {
        let opened = self.0.open_bytes(sealed, &label(account));
        let text = opened.ok().and_then(|(bytes, _)| String::from_utf8(bytes.to_vec()).ok());
        let hashes = text.map(|text| text.lines().map(PasswordHash::parse).collect());
        if let Some(Ok(hashes)) = hashes {
            return hashes;
        }
        tracing::error!(%account, "a stored set of backup codes is damaged");
        Vec::new()
    }

    /// The proof of a typed code, by its hash.
    pub(crate) fn proof(&self, hash: PasswordHash) -> BackupCodeProof {
        BackupCodeProof { seal: self.clone(), hash }
    }
}

impl fmt::Debug for BackupCodeSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCodeSeal([REDACTED])")
    }
}

/// The hash of a typed backup code. The transaction that accepts it looks for it in the stored set.
#[derive(Clone, Debug)]
pub struct BackupCodeProof {
    seal: BackupCodeSeal,
    hash: PasswordHash,
}

impl BackupCodeProof {
    /// The place of the code in the stored set, from 0, used or not.
    pub fn place(&self, account: AccountId, sealed: &[u8]) -> Option<u32> {
        let typed = self.hash.as_str().as_bytes();
        let hashes = self.seal.open(account, sealed);
        let places = (0..).zip(hashes);
        places
            .filter(|(_, hash)| constant_time_eq(hash.as_str().as_bytes(), typed))
            .fold(None, |_, (place, _)| Some(place))
    }
}

/// The label under which the set of an account is sealed.
fn label(account: AccountId) -> String {
    format!("backup codes {account}")
}
