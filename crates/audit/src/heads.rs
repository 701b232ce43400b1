use std::collections::BTreeMap;

use crate::{Checkpoint, Head};

/// Where every chain stood at the checkpoint with this number: a checkpoint names only the chains
/// that moved, so those before it count as well.
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
