//! The heads of all chains at one checkpoint, collected from it and the checkpoints before it.

use std::collections::BTreeMap;

use crate::{Checkpoint, Head};

/// Returns the heads of all chains at the checkpoint with this number. A checkpoint lists only the
/// chains that moved, so the checkpoints before it are read as well.
pub(crate) fn up_to<'a>(
    checkpoints: impl IntoIterator<Item = &'a Checkpoint>,
    number: u64,
) -> Vec<Head> {
    let mut latest = BTreeMap::new();
    for checkpoint in checkpoints.into_iter().filter(|it| it.number() <= number) {
        latest.extend(checkpoint.heads().iter().map(|head| (head.chain, *head)));
    }
    latest.into_values().collect()
}
