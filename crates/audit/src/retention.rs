use portcullis_domain::Timestamp;

use crate::belief::Rebuilt;
use crate::{Checkpoint, Head};

/// How far a purge may go that keeps everything since a time.
///
/// Entries go by whole checkpoints: up to the latest one made before that time, so that what stays
/// begins at a signed head. What was stated as purged before goes on to be removed, because a purge
/// that was cut off has left some of it. Checkpoints themselves are never removed.
#[derive(Debug)]
pub struct PurgePlan {
    keep_from: Timestamp,
    /// What the latest one states as purged.
    stated: Option<u64>,
    has_latest: bool,
    to: Option<u64>,
    rebuilt: Rebuilt,
}

/// What a purge may remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The checkpoint that covers it.
    pub to: u64,
    /// Whether no checkpoint states that yet: the next must state it as `purged_to` **before** anything
    /// is removed.
    pub is_new: bool,
    /// For each chain, the last entry that may go; what follows stays.
    pub heads: Vec<Head>,
}

impl PurgePlan {
    /// Begins before the latest checkpoint.
    pub fn new(keep_from: Timestamp) -> Self {
        Self { keep_from, stated: None, has_latest: false, to: None, rebuilt: Rebuilt::default() }
    }

    /// Takes the next checkpoint that can be believed, from the latest to the first. Answers whether
    /// earlier ones are needed.
    pub fn take(&mut self, checkpoint: &Checkpoint) -> bool {
        if !self.has_latest {
            (self.stated, self.has_latest) = (checkpoint.purged_to(), true);
        }
        let is_old = checkpoint.at() < self.keep_from;
        if self.to.is_none() && (is_old || self.stated == Some(checkpoint.number())) {
            self.to = Some(checkpoint.number());
        }
        self.to.is_none() || self.rebuilt.take(checkpoint)
    }

    /// What may be removed; `None` if no checkpoint is old enough. Where the checkpoints do not add up to
    /// every chain, only chains go that they name.
    pub fn finish(self) -> Option<Purge> {
        let to = self.to?;
        let (coverage, _) = self.rebuilt.finish();
        let is_new = self.stated < Some(to);
        Some(Purge { to, is_new, heads: coverage.heads().copied().collect() })
    }
}
