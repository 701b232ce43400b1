//! Entries of a chain as storage returns them, before they are verified.

use crate::{Block, ChainId, EventRecord, Link};

/// One entry of a chain as it was found, to be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLink {
    /// The chain it is found in.
    pub chain: ChainId,
    /// Its place there.
    pub sequence: u64,
    /// The link that is stored with it.
    pub link: Link,
    /// What was sealed.
    pub content: StoredContent,
}

/// What a link seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredContent {
    /// One security event, rebuilt from its row.
    Event(EventRecord),
    /// A block of decisions, rebuilt from its row.
    Block(Block),
}
