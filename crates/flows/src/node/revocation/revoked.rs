//! The result type of every step that revokes access tokens; it must be passed to the revocation
//! set.

use portcullis_domain::SessionId;
use portcullis_token::{Revocation, RevocationEntry};

/// The access tokens that a transaction has revoked, for the revocation set of this node.
///
/// Storage creates it where it writes the entries, and only [`Revocations::enforce`] consumes it:
/// until then this node accepts tokens that it has revoked itself.
///
/// [`Revocations::enforce`]: super::Revocations::enforce
#[must_use = "this node accepts the revoked tokens until `Revocations::enforce` takes this"]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Revoked(Vec<RevocationEntry>);

impl Revoked {
    /// The entries that the transaction has written.
    pub const fn new(entries: Vec<RevocationEntry>) -> Self {
        Self(entries)
    }

    /// Adds the entries of another step of the transaction.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Adds an entry that another transaction may have written: this node may not know it yet.
    pub fn and_known(mut self, entry: RevocationEntry) -> Self {
        if !self.0.contains(&entry) {
            self.0.push(entry);
        }
        self
    }

    /// The revocations.
    pub fn entries(&self) -> &[RevocationEntry] {
        &self.0
    }

    /// True if nothing was revoked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ended sessions.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.0.iter().filter_map(|entry| match entry.revocation {
            Revocation::Session(session) => Some(session),
            _ => None,
        })
    }

    /// The number of ended sessions.
    pub fn session_count(&self) -> usize {
        self.sessions().count()
    }

    pub(super) fn into_entries(self) -> Vec<RevocationEntry> {
        self.0
    }
}
