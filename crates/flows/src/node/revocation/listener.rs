//! The port `Listener`: passes new revocations to other nodes and to open streams.

use super::feed::FeedEntry;

/// Receives new entries on the thread of the follower: it must not block.
pub trait Listener: Send + Sync {
    /// Entries in the order of their positions, which have no gaps. If they do not continue the
    /// previous ones, an older state of the database was restored: earlier positions are invalid.
    fn heard(&self, entries: &[FeedEntry]);

    /// This node has revoked something that every other node can read now.
    fn published(&self) {}
}

/// Ignores all entries.
impl Listener for () {
    fn heard(&self, _: &[FeedEntry]) {}
}
