//! The port `RevocationStore`: the feed, its numbers, and its purge.

use std::time::Duration;

use portcullis_domain::Timestamp;
use portcullis_token::{AccessClaims, RevocationEntry};

use super::feed::FeedRange;
use super::revoked::Revoked;
use crate::StoreError;
use crate::effects::Effects;

/// The port of revocations. Transactions that revoke write their entries themselves.
pub trait RevocationStore: Send + Sync {
    /// The feed at one moment, with the entries at `most` positions from `first` on. One query.
    fn revocations_from(&self, first: u64, most: u32) -> Result<FeedRange, StoreError>;

    /// Assigns the next positions to committed entries without one, at least to those that
    /// [`RevocationStore::revocations_from`] would return, and then returns the same as that
    /// method. Positions have no gaps, and become visible in their order.
    fn number_revocations(&self, first: u64, most: u32) -> Result<FeedRange, StoreError>;

    /// Stores the lifetime of access tokens from now on. Each entry, except for a single token, is
    /// kept after its numbering for the longest lifetime that was ever stored.
    fn note_access_lifetime(&self, lifetime: Duration) -> Result<(), StoreError>;

    /// True if any committed entry covers the token, numbered or not.
    fn is_revoked(&self, claims: &AccessClaims) -> Result<bool, StoreError>;

    /// Writes an entry of that time and its effects; neither, if an existing entry covers the same.
    fn revoke(
        &self,
        entry: &RevocationEntry,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<Revoked, StoreError>;

    /// Moves the horizon of the feed, and deletes entries in the order of their positions, up to
    /// the first that is needed at the horizon or later; at most `most` of them, and never the
    /// last, which holds the position of the feed.
    ///
    /// The horizon is `keep` before the time of the database. It never decreases, and moves at most
    /// twice as far as `elapsed`: a clock that was wrong for a moment deletes nothing.
    fn purge_revocations(
        &self,
        keep: Duration,
        elapsed: Duration,
        most: u32,
    ) -> Result<PurgeResult, StoreError>;
}

/// The result of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeResult {
    /// The number of deleted entries.
    pub removed: u64,
    /// Entries needed no longer than this may have been deleted.
    pub horizon: Timestamp,
}
