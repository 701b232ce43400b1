//! The port `DecisionStore`: appends blocks of decisions.

use portcullis_audit::{Block, ChainId, Link};

use crate::StoreError;
use crate::effects::Effects;

/// The port of recording.
pub trait DecisionStore: Send + Sync {
    /// Appends a block to its chain as entry number `sequence` and moves the head of the chain; the
    /// first block opens the chain. The effects are appended with it. A repeated append of the same
    /// entry changes nothing.
    fn append(
        &self,
        sequence: u64,
        link: Link,
        block: &Block,
        effects: &Effects,
    ) -> Result<(), StoreError>;

    /// The link of entry number `sequence` of the chain, if there is one.
    fn link_at(&self, chain: ChainId, sequence: u64) -> Result<Option<Link>, StoreError>;

    /// Commits a minimal write, to find out whether the database takes any.
    fn takes_writes(&self) -> Result<(), StoreError>;
}
