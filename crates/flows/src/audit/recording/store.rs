//! The port of recording.

use portcullis_audit::{Block, ChainId, Link};

use crate::StoreError;
use crate::effects::Effects;

/// What recording needs from storage.
pub trait DecisionStore: Send + Sync {
    /// Appends a block to its chain as entry number `sequence` and moves the head of the chain; the
    /// first block opens the chain. The effects are appended with it. To append the very same entry again
    /// changes nothing.
    fn append(
        &self,
        sequence: u64,
        link: Link,
        block: &Block,
        effects: &Effects,
    ) -> Result<(), StoreError>;

    /// The link of entry number `sequence` of the chain, if there is one.
    fn link_at(&self, chain: ChainId, sequence: u64) -> Result<Option<Link>, StoreError>;

    /// Commits the smallest write there is, to learn whether the database takes any.
    fn takes_writes(&self) -> Result<(), StoreError>;
}
