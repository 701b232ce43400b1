//! `PurgePlan`: selects the checkpoint up to which old entries may be removed.

use portcullis_domain::Timestamp;

use crate::checkpoint_trust::RebuiltCoverage;
use crate::{Checkpoint, Head};

/// Plans a purge that keeps all entries since a time.
///
/// Entries are removed by whole checkpoints: up to the latest one made before that time, so that
/// the remaining entries begin at a signed head. A purge that was stated before continues, because
/// an interrupted purge has left entries. Checkpoints themselves are never removed.
#[derive(Debug)]
pub struct PurgePlan {
    keep_from: Timestamp,
    /// The `purged_to` of the latest checkpoint.
    stated: Option<u64>,
    has_latest: bool,
    to: Option<u64>,
    rebuilt: RebuiltCoverage,
}

/// The limits of a purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The checkpoint up to which entries may be removed.
    pub to: u64,
    /// Set if no checkpoint states this purge yet: the next one must state it as `purged_to`
    /// **before** anything is removed.
    pub is_new: bool,
    /// For each chain, the last entry that may be removed.
    pub heads: Vec<Head>,
}

impl PurgePlan {
    /// Starts before the latest checkpoint.
    pub fn new(keep_from: Timestamp) -> Self {
        Self {
            keep_from,
            stated: None,
            has_latest: false,
            to: None,
            rebuilt: RebuiltCoverage::default(),
        }
    }

    /// Adds the next trusted checkpoint, from the latest to the first. Returns whether earlier ones
    /// are needed.
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

    /// Returns the limits; `None` if no checkpoint is old enough. If the checkpoints do not list
    /// every chain, only chains that they list are purged.
    pub fn finish(self) -> Option<Purge> {
        let to = self.to?;
        let (coverage, _) = self.rebuilt.finish();
        let is_new = self.stated < Some(to);
        Some(Purge { to, is_new, heads: coverage.heads().copied().collect() })
    }
}
