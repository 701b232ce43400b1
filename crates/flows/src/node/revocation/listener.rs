//! The port by which the follower tells other nodes and streams of new revocations.

use super::feed::Numbered;

/// Is told what the follower learns, on its thread: it must not block.
pub trait Listener: Send + Sync {
    /// Entries in the order of their positions, which have no gaps. When they do not continue what
    /// was told before, an older state of the database was restored: earlier positions are void.
    fn heard(&self, entries: &[Numbered]);

    /// This node has revoked something that every other one can read now.
    fn published(&self) {}
}

/// Hears nothing.
impl Listener for () {
    fn heard(&self, _: &[Numbered]) {}
}
