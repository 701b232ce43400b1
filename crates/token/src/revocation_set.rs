//! The in-memory set of revocations that cover unexpired tokens.
//!
//! Every authenticated request looks up session, token and subject, and nearly every lookup finds
//! nothing. Therefore a filter, read without a lock, precedes the maps; a map is read only if all
//! bits of a key are set. The filter has false positives but no false negatives: bits are set
//! before a revocation returns, and cleaning keeps the bits of all remaining entries. The maps are
//! divided into shards, one for each part of the filter, so that cleaning locks only one shard at a
//! time.
//!
//! The database is the durable source; this set is the copy of one node.
//!
//! Deleted revocations stay effective, whatever the clock reports later: the set has a horizon and
//! refuses every token that expires before it. With correct clocks these tokens have expired
//! anyway.
//!
//! After a restore of the database it is unknown which tokens were revoked since the backup.
//! Therefore the set has a time before which no token may have been issued.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use portcullis_domain::{AccountId, SessionId, Timestamp, TokenId};
use uuid::Uuid;

use crate::revocation_filter::{self, Filter, Fingerprint, PARTS};
use crate::{AccessClaims, Revocation, RevocationEntry};

/// A concurrent set of revocations. Each is kept until it is deleted explicitly.
///
/// An empty set takes 1 MiB. It is designed for a million entries. With several millions each
/// lookup costs more, and the results stay exact.
pub struct RevocationSet {
    filter: Filter,
    shards: [Shard; PARTS],
    /// Microseconds since 1970; never decreases.
    horizon: AtomicI64,
    /// Microseconds since 1970; never decreases.
    issued_from: AtomicI64,
}

impl RevocationSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self {
            filter: Filter::new(),
            shards: std::array::from_fn(|_| Shard::default()),
            horizon: AtomicI64::new(i64::MIN),
            issued_from: AtomicI64::new(i64::MIN),
        }
    }

    /// Returns whether the token with these claims must be refused.
    pub fn is_revoked(&self, claims: &AccessClaims) -> bool {
        claims.expires_at.as_micros() < self.horizon.load(Ordering::Acquire)
            || claims.issued_at.as_micros() < self.issued_from.load(Ordering::Acquire)
            || self.covers(claims.session, claims.token, claims.subject, claims.issued_at)
    }

    /// Returns whether a token with that session, id, subject and `iat` must be refused.
    pub fn covers(
        &self,
        session: SessionId,
        token: TokenId,
        subject: AccountId,
        issued_at: Timestamp,
    ) -> bool {
        self.ask(of_session(&session), |entries| entries.sessions.contains_key(&session))
            || self.ask(of_token(&token), |entries| entries.tokens.contains_key(&token))
            || self.ask(of_subject(&subject), |entries| {
                entries.subjects.get(&subject).is_some_and(|bound| issued_at < bound.issued_before)
            })
    }

    /// Adds a revocation, effective immediately. Of two expiry times for one key the later one is
    /// kept, and so is the later of two bounds for one subject.
    pub fn revoke(&self, entry: RevocationEntry) {
        let key = fingerprint(&entry.revocation);
        let Some(shard) = self.shards.get(key.part()) else { return };
        let mut entries = shard.write();
        entries.insert(entry);
        // Inserted before the lock is released: otherwise cleaning could remove the bits of this
        // entry.
        self.filter.insert(key);
    }

    /// Adds several revocations, as [`RevocationSet::revoke`] does.
    pub fn revoke_all(&self, entries: impl IntoIterator<Item = RevocationEntry>) {
        for entry in entries {
            self.revoke(entry);
        }
    }

    /// Refuses from now on every token that expires before the horizon, because its revocation may
    /// have been deleted. An earlier horizon changes nothing.
    pub fn vouch_from(&self, horizon: Timestamp) {
        self.horizon.fetch_max(horizon.as_micros(), Ordering::AcqRel);
    }

    /// Refuses from now on every token that was issued before this time. An earlier time changes
    /// nothing.
    pub fn refuse_issued_before(&self, time: Timestamp) {
        self.issued_from.fetch_max(time.as_micros(), Ordering::AcqRel);
    }

    /// Deletes the revocations that cover only tokens that expire before the horizon, and refuses
    /// all these tokens from now on. It locks one shard at a time, and delays only lookups that
    /// read its map.
    ///
    /// The horizon should be [`REVOCATION_MARGIN`](crate::REVOCATION_MARGIN) before the present
    /// time: then a clock error below the margin refuses no valid token.
    pub fn forget_before(&self, horizon: Timestamp) {
        self.vouch_from(horizon);
        for (part, shard) in self.shards.iter().enumerate() {
            let mut entries = shard.write();
            if entries.forget_before(horizon) {
                self.filter.clean(part, entries.fingerprints());
            }
        }
    }

    /// The number of entries; all entries of one subject count as one.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Returns whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The approximate heap memory in bytes, up to rounding by the allocator.
    pub fn heap_bytes(&self) -> usize {
        let maps = self.shards.iter().map(|shard| shard.read().heap_bytes());
        self.filter.heap_bytes() + maps.sum::<usize>()
    }

    /// Reads the map behind the filter, if the filter may contain the key.
    fn ask(&self, key: Fingerprint, question: impl FnOnce(&Entries) -> bool) -> bool {
        self.filter.may_hold(key)
            && self.shards.get(key.part()).is_some_and(|shard| question(&shard.read()))
    }
}

impl Default for RevocationSet {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RevocationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationSet").field("len", &self.len()).finish()
    }
}

fn fingerprint(revocation: &Revocation) -> Fingerprint {
    match revocation {
        Revocation::Session(session) => of_session(session),
        Revocation::Token(token) => of_token(token),
        Revocation::Subject { account, .. } => of_subject(account),
    }
}

fn of_session(session: &SessionId) -> Fingerprint {
    Fingerprint::new(1, session.as_uuid())
}

fn of_token(token: &TokenId) -> Fingerprint {
    Fingerprint::new(2, token.as_uuid())
}

fn of_subject(subject: &AccountId) -> Fingerprint {
    Fingerprint::new(3, subject.as_uuid())
}

/// Aligned to separate cache lines, so that readers of neighbouring shards do not slow each other
/// down.
#[derive(Default)]
#[repr(align(128))]
struct Shard(RwLock<Entries>);

impl Shard {
    /// A panic cannot leave a map half changed, so a poisoned lock is still usable.
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Revocations by kind, each with the time until which it is needed.
#[derive(Default)]
struct Entries {
    sessions: Map<SessionId, Timestamp>,
    tokens: Map<TokenId, Timestamp>,
    subjects: Map<AccountId, AccountRevocation>,
}

struct AccountRevocation {
    issued_before: Timestamp,
    until: Timestamp,
}

impl Entries {
    fn insert(&mut self, RevocationEntry { revocation, until }: RevocationEntry) {
        match revocation {
            Revocation::Session(session) => prolong(&mut self.sessions, session, until),
            Revocation::Token(token) => prolong(&mut self.tokens, token, until),
            Revocation::Subject { account, issued_before } => {
                let bound = self
                    .subjects
                    .entry(account)
                    .or_insert(AccountRevocation { issued_before, until });
                bound.issued_before = bound.issued_before.max(issued_before);
                bound.until = bound.until.max(until);
            }
        }
    }

    /// Deletes expired entries and returns whether any was deleted.
    fn forget_before(&mut self, horizon: Timestamp) -> bool {
        let before = self.len();
        let is_needed = |until: Timestamp| until >= horizon;
        self.sessions.retain(|_, until| is_needed(*until));
        self.tokens.retain(|_, until| is_needed(*until));
        self.subjects.retain(|_, bound| is_needed(bound.until));
        give_back(&mut self.sessions);
        give_back(&mut self.tokens);
        give_back(&mut self.subjects);
        self.len() < before
    }

    fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        let sessions = self.sessions.keys().map(of_session);
        sessions.chain(self.tokens.keys().map(of_token)).chain(self.subjects.keys().map(of_subject))
    }

    fn len(&self) -> usize {
        self.sessions.len() + self.tokens.len() + self.subjects.len()
    }

    fn heap_bytes(&self) -> usize {
        heap_bytes(&self.sessions) + heap_bytes(&self.tokens) + heap_bytes(&self.subjects)
    }
}

type Map<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

fn prolong<K: Eq + std::hash::Hash>(map: &mut Map<K, Timestamp>, key: K, until: Timestamp) {
    let end = map.entry(key).or_insert(until);
    *end = until.max(*end);
}

/// Releases the memory that a flood of revocations has left behind.
fn give_back<K: Eq + std::hash::Hash, V>(map: &mut Map<K, V>) {
    if map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}

/// The table of the standard library has one extra byte for each slot, and fills seven of eight
/// slots.
fn heap_bytes<K, V>(map: &Map<K, V>) -> usize {
    map.capacity() * 8 / 7 * (size_of::<(K, V)>() + 1)
}

/// A hasher for ids only.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Ok(id) = Uuid::from_slice(bytes) {
            self.0 = revocation_filter::hash(&id, 0);
        }
    }
}
