//! The port of recording.

use portcullis_audit::{Block, ChainId, Link, SecurityEvent};

use crate::StoreError;

/// What recording needs from storage.
pub trait DecisionStore: Send + Sync {
    /// Appends a block to its chain as entry number `sequence` and moves the head of the chain; the
    /// first block opens the chain. The event is appended with it. To append the very same entry again
    /// changes nothing.
    fn append(
        &self,
        sequence: u64,
        link: Link,
        block: &Block,
        event: Option<&SecurityEvent>,
    ) -> Result<(), StoreError>;

    /// The link of entry number `sequence` of the chain, if there is one.
    fn link_at(&self, chain: ChainId, sequence: u64) -> Result<Option<Link>, StoreError>;

    /// Commits the smallest write there is, to learn whether the database takes any.
    fn takes_writes(&self) -> Result<(), StoreError>;
}
