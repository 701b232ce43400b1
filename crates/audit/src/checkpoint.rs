//! Checkpoints: small signed statements of where every chain stood.
//!
//! A checkpoint lists the heads of the chains that moved since the one before it, and holds the digest
//! of every head and of the one before it. Whoever keeps the latest one elsewhere holds, in a few
//! hundred bytes, a proof of everything before it that not even somebody with all keys of the server
//! can undo.
//!
//! The first version had no digest of every head. Those that were made then are still read.

use std::time::Duration;

use portcullis_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::Signature;
use crate::{AuditKeys, CheckpointKey, Coverage, Fingerprint, Head};

/// A signed statement of where the chains stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    body: Body,
    public_key: CheckpointKey,
    signature: Signature,
}

impl Checkpoint {
    /// How far clocks may differ before a date counts as in the future.
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
            every: Some(Every { chains: coverage.chains(), digest: coverage.digest() }),
            heads: listed,
        };
        let signature = keys.sign(&body.message());
        Self { body, public_key: keys.checkpoint_key(), signature }
    }

    /// Reads the file that [`Checkpoint::to_file`] writes; checks its form, not its signature.
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

    /// One small JSON document with everything that [`Checkpoint::verify`] needs but the trust in
    /// the key.
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

    /// Whether the holder of `key` made this statement. The key must come from somebody you trust:
    /// the one inside the file proves nothing.
    pub fn verify(&self, key: &CheckpointKey) -> Result<(), CheckpointError> {
        if *key != self.public_key {
            return Err(CheckpointError::OtherKey { signed_with: self.public_key.fingerprint() });
        }
        if !key.verifies(&self.body.message(), &self.signature) {
            return Err(CheckpointError::Signature);
        }
        Ok(())
    }

    /// What the next checkpoint says of this one: SHA-256 over what is signed.
    pub fn digest(&self) -> Fingerprint {
        Fingerprint::of(&self.body.message())
    }

    /// The first is 1, and none is left out.
    pub const fn number(&self) -> u64 {
        self.body.number
    }

    /// When it was made.
    pub const fn at(&self) -> Timestamp {
        self.body.at
    }

    /// The digest of the checkpoint before it.
    pub const fn previous(&self) -> Option<Fingerprint> {
        self.body.previous
    }

    /// What this checkpoint and those before it cover may have been removed; see [`Checkpoint::make`].
    pub const fn purged_to(&self) -> Option<u64> {
        self.body.purged_to
    }

    /// The digest of where every chain stood; the first version had none.
    pub fn coverage(&self) -> Option<Fingerprint> {
        self.body.every.map(|every| every.digest)
    }

    /// Whether it lists every chain, so that nothing before it is needed to know where they stood.
    pub fn lists_every_chain(&self) -> bool {
        let listed = || self.body.heads.iter().copied().collect::<Coverage>().digest();
        self.coverage().is_some_and(|digest| digest == listed())
    }

    /// Where the chains stood that had moved since the checkpoint before it, or all of them, in the
    /// order of their ids.
    pub fn heads(&self) -> &[Head] {
        &self.body.heads
    }

    /// The key that it says it is signed with.
    pub const fn public_key(&self) -> CheckpointKey {
        self.public_key
    }
}

impl Coverage {
    /// Moves on by what a later checkpoint lists.
    pub fn follow(&mut self, later: &Checkpoint) {
        self.replace(later.heads());
    }

    /// Takes what an earlier checkpoint lists for the chains that no later one has listed.
    pub fn precede(&mut self, earlier: &Checkpoint) {
        self.complete(earlier.heads());
    }
}

/// What a checkpoint says.
#[derive(Clone, Debug)]
pub struct Statement<'a> {
    /// Later than that of any checkpoint that is stored, and 1 for the first.
    pub number: u64,
    /// When it is made, and not before the one before it.
    pub at: Timestamp,
    /// The one before it.
    pub previous: Option<&'a Checkpoint>,
    /// Whether the signature of that one holds. Only then what it states as purged stays stated.
    pub is_signed: bool,
    /// Where every chain stands.
    pub coverage: &'a Coverage,
    /// Of these at least those that have moved since `previous`.
    pub listed: Vec<Head>,
    /// The number of an earlier checkpoint: what that one and those before it cover may be missing from
    /// now on.
    pub purged_to: Option<u64>,
}

/// Why a checkpoint is not accepted.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not JSON, or not with the members of a checkpoint.
    #[error("the file is not a checkpoint: {0}")]
    Malformed(String),
    /// Made by a newer version.
    #[error("the checkpoint has format version {0}, and this program knows versions 1 and 2 only")]
    Version(u8),
    /// It contradicts itself.
    #[error("the checkpoint contradicts itself: {0}")]
    Inconsistent(&'static str),
    /// It is signed with a key that nobody expects.
    #[error("the checkpoint is signed with another key, of fingerprint {signed_with}")]
    OtherKey {
        /// The digest of that key.
        signed_with: Fingerprint,
    },
    /// It was changed after it was signed, or never signed.
    #[error("the signature of the checkpoint does not fit: it was changed or forged")]
    Signature,
}

portcullis_domain::debug_as_display!(CheckpointError);

/// What is signed. The order of the fields is the order of the members, for ever.
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
    every: Option<Every>,
    heads: Vec<Head>,
}

/// Every chain, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Every {
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
        // Since the second version, one that can be believed is not always there to follow.
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

    /// The members as JSON without spaces, after a label that no other signature begins with.
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
