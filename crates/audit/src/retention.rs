use portcullis_domain::Timestamp;

use crate::{Checkpoint, Head, heads};

/// What a purge may remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The checkpoint that covers it. The next checkpoint must state it as `purged_to` **before**
    /// anything is removed.
    pub to: u64,
    /// For each chain, the last entry that may go; what follows stays.
    pub heads: Vec<Head>,
}

/// What has been stated as removed, by the latest checkpoint; a purge that was cut off has left some
/// of it.
pub fn purged(checkpoints: &[Checkpoint]) -> Option<Purge> {
    let to = checkpoints.last().and_then(Checkpoint::purged_to)?;
    Some(Purge { to, heads: heads::up_to(checkpoints, to) })
}

/// How far a purge may go that keeps everything since `keep_from`.
///
/// Entries go by whole checkpoints: up to the latest one made before `keep_from`, so that what stays
/// begins at a signed head. Checkpoints themselves are never removed. `None` if no checkpoint is
/// old enough, or if everything it covers is gone already. `checkpoints` are all there are, in the
/// order of their numbers.
pub fn plan_purge(checkpoints: &[Checkpoint], keep_from: Timestamp) -> Option<Purge> {
    let to = checkpoints.iter().rev().find(|checkpoint| checkpoint.at() < keep_from)?.number();
    let purged_to = checkpoints.last().and_then(Checkpoint::purged_to);
    (purged_to < Some(to)).then(|| Purge { to, heads: heads::up_to(checkpoints, to) })
}
