//! Selects the trusted checkpoints among the stored ones, from the latest to the first.

use crate::{Checkpoint, Coverage, Fingerprint};

/// Selects the trusted checkpoints among the stored ones, from the latest to the first.
///
/// Anyone with write access to the database can insert any checkpoint. A checkpoint is trusted if
/// it is signed with a known key, or if the next trusted one contains its digest. So checkpoints
/// from before a change of the secret are trusted without the former key.
#[derive(Debug)]
pub struct CheckpointTrust<F> {
    is_signed: F,
    named: Option<Fingerprint>,
    /// The number of checkpoints that are not trusted.
    refused: u64,
}

impl<F: Fn(&Checkpoint) -> bool> CheckpointTrust<F> {
    /// Starts before the latest checkpoint. `is_signed` returns whether a checkpoint is signed with
    /// a known key.
    pub const fn new(is_signed: F) -> Self {
        Self { is_signed, named: None, refused: 0 }
    }

    /// Returns the next checkpoint, stored under `number`, if it is trusted.
    pub fn of(&mut self, number: u64, file: &str) -> Option<Checkpoint> {
        let believed = Checkpoint::from_file(file)
            .ok()
            .filter(|found| found.number() == number)
            .filter(|found| self.named == Some(found.digest()) || (self.is_signed)(found));
        match &believed {
            Some(found) => self.named = found.previous(),
            None => self.refused = self.refused.saturating_add(1),
        }
        believed
    }

    /// Returns the number of checkpoints so far that are not trusted.
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

/// The coverage of one checkpoint, rebuilt from it and the checkpoints before it.
#[derive(Debug, Default)]
pub struct RebuiltCoverage {
    coverage: Coverage,
    digest: Option<Fingerprint>,
    is_complete: bool,
}

impl RebuiltCoverage {
    /// Adds the next checkpoint, from the latest to the first. Returns whether earlier ones are
    /// needed.
    pub fn take(&mut self, checkpoint: &Checkpoint) -> bool {
        if self.digest.is_none() {
            self.digest = checkpoint.coverage();
        }
        self.coverage.precede(checkpoint);
        self.is_complete |= checkpoint.number() == 1 || checkpoint.lists_every_chain();
        !self.is_complete
    }

    /// Returns the rebuilt coverage, and whether it is proven to be complete.
    pub fn finish(self) -> (Coverage, bool) {
        let fits = self.digest.is_none_or(|digest| digest == self.coverage.digest());
        (self.coverage, self.is_complete && fits)
    }
}
