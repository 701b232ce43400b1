//! Entries of a chain as storage returns them, before they are verified.

use crate::{Block, ChainId, EventRecord, Link};

/// One stored entry of a chain, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLink {
    /// The stored chain.
    pub chain: ChainId,
    /// The stored sequence.
    pub sequence: u64,
    /// The stored link.
    pub link: Link,
    /// The sealed content.
    pub content: StoredContent,
}

/// The content that a link seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredContent {
    /// One security event, rebuilt from its row.
    Event(EventRecord),
    /// A block of decisions, rebuilt from its row.
    Block(Block),
}
