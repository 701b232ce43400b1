use portcullis_domain::SessionId;
use portcullis_token::{Revocation, RevocationEntry};

/// The access tokens that a transaction has revoked, on their way to the revocation set of this node.
///
/// Storage makes it where it writes the entries, and [`Revocations::enforce`] alone takes it: until then
/// this node accepts tokens that it has revoked itself.
///
/// [`Revocations::enforce`]: super::Revocations::enforce
#[must_use = "this node accepts the revoked tokens until `Revocations::enforce` takes this"]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Revoked(Vec<RevocationEntry>);

impl Revoked {
    /// These entries, which the transaction has written.
    pub const fn new(entries: Vec<RevocationEntry>) -> Self {
        Self(entries)
    }

    /// Also what another step of the transaction has revoked.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Also this entry, which another transaction may have written: this node may not know of it yet.
    pub fn and_known(mut self, entry: RevocationEntry) -> Self {
        if !self.0.contains(&entry) {
            self.0.push(entry);
        }
        self
    }

    /// What was revoked.
    pub fn entries(&self) -> &[RevocationEntry] {
        &self.0
    }

    /// Whether nothing was revoked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sessions that have ended.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.0.iter().filter_map(|entry| match entry.revocation {
            Revocation::Session(session) => Some(session),
            _ => None,
        })
    }

    /// How many sessions have ended.
    pub fn session_count(&self) -> usize {
        self.sessions().count()
    }

    pub(super) fn into_entries(self) -> Vec<RevocationEntry> {
        self.0
    }
}
