//! The port of revocations.

use std::time::Duration;

use portcullis_domain::Timestamp;
use portcullis_token::{AccessClaims, RevocationEntry};

use super::feed::FeedRange;
use super::revoked::Revoked;
use crate::StoreError;
use crate::effects::Effects;

/// What revocations need from storage, besides what the transactions write that revoke.
pub trait RevocationStore: Send + Sync {
    /// The feed as it is at one moment, with the entries at `most` positions from `first` on. One
    /// question to the database.
    fn revocations_from(&self, first: u64, most: u32) -> Result<FeedRange, StoreError>;

    /// Gives the next positions to committed entries that have none, at least to those that
    /// [`RevocationStore::revocations_from`] would show, and then answers as that does. Positions
    /// have no gaps, and become visible in their order.
    fn number_revocations(&self, first: u64, most: u32) -> Result<FeedRange, StoreError>;

    /// Notes that access tokens are given this life from now on. Each entry but one for a single token
    /// is kept, from its number on, for as long as the longest life that was ever noted.
    fn note_access_lifetime(&self, lifetime: Duration) -> Result<(), StoreError>;

    /// Whether any committed entry covers the token, numbered or not.
    fn is_revoked(&self, claims: &AccessClaims) -> Result<bool, StoreError>;

    /// Writes an entry of that time and what it causes; neither, when an entry that is there says as
    /// much already.
    fn revoke(
        &self,
        entry: &RevocationEntry,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<Revoked, StoreError>;

    /// Moves the horizon of the feed, and removes entries in the order of their positions, up to the
    /// first that is needed at the horizon or later; at most `most` of them, and never the last,
    /// which says where the feed stands.
    ///
    /// The horizon lies `keep` before the time of the database. It never goes back, and moves at most
    /// twice as far as `elapsed`: nothing is forgotten by a clock that was wrong for a moment.
    fn purge_revocations(
        &self,
        keep: Duration,
        elapsed: Duration,
        most: u32,
    ) -> Result<Purged, StoreError>;
}

/// What a purge has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purged {
    /// So many entries were removed.
    pub removed: u64,
    /// Entries needed no longer than this may have been removed.
    pub horizon: Timestamp,
}
