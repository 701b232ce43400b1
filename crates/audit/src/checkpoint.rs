//! Checkpoints: small signed statements of the heads of all chains.
//!
//! A checkpoint lists the heads of the chains that moved since the checkpoint before it, and
//! contains the digest of all heads and of the checkpoint before it. The latest one, kept on
//! another machine, is a proof in a few hundred bytes of everything before it. Even an attacker
//! with all keys of the server cannot undo this proof.
//!
//! The first version had no digest of all heads. Checkpoints of that version can still be read.

use std::time::Duration;

use portcullis_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::Signature;
use crate::{AuditKeys, CheckpointKey, Coverage, Fingerprint, Head};

/// A signed statement of the heads of the chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    body: Body,
    public_key: CheckpointKey,
    signature: Signature,
}

impl Checkpoint {
    /// The maximum difference of clocks before a date counts as in the future.
    pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

    /// Signs a statement.
    pub fn make(keys: &AuditKeys, statement: Statement<'_>) -> Self {
        let Statement { number, at, previous, is_signed, coverage, mut listed, purged_to } =
            statement;
        let stated = previous.filter(|_| is_signed).and_then(Self::purged_to);
        listed.sort_by_key(|head| head.chain);
        let body = Body {
            version: VERSION,
            number,
            at,
            previous: previous.map(Self::digest),
            purged_to: purged_to.max(stated),
            every: Some(AllChains { chains: coverage.chains(), digest: coverage.digest() }),
            heads: listed,
        };
        let signature = keys.sign(&body.message());
        Self { body, public_key: keys.checkpoint_key(), signature }
    }

    /// Reads the file that [`Checkpoint::to_file`] writes; checks the format, not the signature.
    pub fn from_file(text: &str) -> Result<Self, CheckpointError> {
        let file: File = serde_json::from_str(text)
            .map_err(|error| CheckpointError::Malformed(error.to_string()))?;
        let File { checkpoint: body, public_key, fingerprint, signature } = file;
        body.check()?;
        if public_key.fingerprint() != fingerprint {
            return Err(CheckpointError::Inconsistent("the fingerprint is not that of the key"));
        }
        Ok(Self { body, public_key, signature })
    }

    /// Returns one small JSON document with everything that [`Checkpoint::verify`] needs except the
    /// trust in the key.
    pub fn to_file(&self) -> String {
        let file = File {
            checkpoint: self.body.clone(),
            public_key: self.public_key,
            fingerprint: self.public_key.fingerprint(),
            signature: self.signature,
        };
        let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Checks that the holder of `key` signed this statement. The key must come from a trusted
    /// source: the one inside the file proves nothing.
    pub fn verify(&self, key: &CheckpointKey) -> Result<(), CheckpointError> {
        if *key != self.public_key {
            return Err(CheckpointError::OtherKey { signed_with: self.public_key.fingerprint() });
        }
        if !key.verifies(&self.body.message(), &self.signature) {
            return Err(CheckpointError::Signature);
        }
        Ok(())
    }

    /// Returns the SHA-256 digest of the signed bytes, which the next checkpoint contains.
    pub fn digest(&self) -> Fingerprint {
        Fingerprint::of(&self.body.message())
    }

    /// Returns the number. The first is 1, and there are no gaps.
    pub const fn number(&self) -> u64 {
        self.body.number
    }

    /// Returns the time of the checkpoint.
    pub const fn at(&self) -> Timestamp {
        self.body.at
    }

    /// Returns the digest of the checkpoint before it.
    pub const fn previous(&self) -> Option<Fingerprint> {
        self.body.previous
    }

    /// Returns the number of the checkpoint up to which entries may have been removed; see
    /// [`Checkpoint::make`].
    pub const fn purged_to(&self) -> Option<u64> {
        self.body.purged_to
    }

    /// Returns the digest of all heads; the first version had none.
    pub fn coverage(&self) -> Option<Fingerprint> {
        self.body.every.map(|every| every.digest)
    }

    /// Returns whether all chains are listed, so that the heads are known without earlier
    /// checkpoints.
    pub fn lists_every_chain(&self) -> bool {
        let listed = || self.body.heads.iter().copied().collect::<Coverage>().digest();
        self.coverage().is_some_and(|digest| digest == listed())
    }

    /// Returns the heads of the chains that moved since the checkpoint before it, or of all chains,
    /// in the order of their ids.
    pub fn heads(&self) -> &[Head] {
        &self.body.heads
    }

    /// Returns the key that the checkpoint claims to be signed with.
    pub const fn public_key(&self) -> CheckpointKey {
        self.public_key
    }
}

impl Coverage {
    /// Replaces the heads that a later checkpoint lists.
    pub fn follow(&mut self, later: &Checkpoint) {
        self.replace(later.heads());
    }

    /// Adds the heads that an earlier checkpoint lists, for chains that no later one lists.
    pub fn precede(&mut self, earlier: &Checkpoint) {
        self.complete(earlier.heads());
    }
}

/// The content of a checkpoint.
#[derive(Clone, Debug)]
pub struct Statement<'a> {
    /// Larger than the number of every stored checkpoint; 1 for the first.
    pub number: u64,
    /// The time of the checkpoint, not before that of `previous`.
    pub at: Timestamp,
    /// The checkpoint before it.
    pub previous: Option<&'a Checkpoint>,
    /// Set if the signature of `previous` is valid. Only then its `purged_to` is kept.
    pub is_signed: bool,
    /// The heads of all chains.
    pub coverage: &'a Coverage,
    /// At least the heads that moved since `previous`.
    pub listed: Vec<Head>,
    /// The number of an earlier checkpoint: entries that it and the checkpoints before it cover may
    /// be missing from now on.
    pub purged_to: Option<u64>,
}

/// A checkpoint is not accepted.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The text is not JSON, or has not the members of a checkpoint.
    #[error("the file is not a checkpoint: {0}")]
    Malformed(String),
    /// A newer version made the checkpoint.
    #[error("the checkpoint has format version {0}, and this program knows versions 1 and 2 only")]
    Version(u8),
    /// The checkpoint contradicts itself.
    #[error("the checkpoint contradicts itself: {0}")]
    Inconsistent(&'static str),
    /// The checkpoint is signed with an unexpected key.
    #[error("the checkpoint is signed with another key, of fingerprint {signed_with}")]
    OtherKey {
        /// The digest of that key.
        signed_with: Fingerprint,
    },
    /// The checkpoint was changed after it was signed, or never signed.
    #[error("the signature of the checkpoint does not fit: it was changed or forged")]
    Signature,
}

portcullis_domain::debug_as_display!(CheckpointError);

/// The signed content. The order of the fields is the permanent order of the members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    version: u8,
    number: u64,
    #[serde(deserialize_with = "crate::time::deserialize")]
    at: Timestamp,
    previous: Option<Fingerprint>,
    purged_to: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<AllChains>,
    heads: Vec<Head>,
}

/// The number of all chains and the digest of their heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllChains {
    chains: u64,
    digest: Fingerprint,
}

impl Body {
    fn check(&self) -> Result<(), CheckpointError> {
        if !(1..=VERSION).contains(&self.version) {
            return Err(CheckpointError::Version(self.version));
        }
        if self.every.is_some() != (self.version > 1) {
            return Err(CheckpointError::Inconsistent("its members are those of another version"));
        }
        let is_first = self.number == 1;
        if self.number == 0 || (is_first && self.previous.is_some()) {
            return Err(CheckpointError::Inconsistent("the first follows none"));
        }
        // Since the second version, a trusted checkpoint to follow does not always exist.
        if self.version == 1 && !is_first && self.previous.is_none() {
            return Err(CheckpointError::Inconsistent("only the first follows none"));
        }
        if self.purged_to.is_some_and(|purged| purged >= self.number) {
            return Err(CheckpointError::Inconsistent("it cannot be purged itself"));
        }
        if !self.heads.is_sorted_by(|head, next| head.chain < next.chain) {
            return Err(CheckpointError::Inconsistent("a chain is listed twice or out of order"));
        }
        Ok(())
    }

    /// Returns the members as JSON without spaces, after a label that no other signature begins
    /// with.
    fn message(&self) -> Vec<u8> {
        let mut message = if self.version == 1 { LABEL_1.to_vec() } else { LABEL.to_vec() };
        message.extend(serde_json::to_vec(self).unwrap_or_default());
        message
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    checkpoint: Body,
    public_key: CheckpointKey,
    fingerprint: Fingerprint,
    signature: Signature,
}

const VERSION: u8 = 2;
const LABEL: &[u8] = b"portcullis/audit/checkpoint/v2\n";
const LABEL_1: &[u8] = b"portcullis/audit/checkpoint/v1\n";

#[cfg(test)]
mod tests;
