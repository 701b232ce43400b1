//! Everything that is revoked although tokens that it covers are still unexpired.
//!
//! Every authenticated request asks this set three times, for session, token and subject, and nearly
//! always hears no. So a filter stands before the maps, which is read without a lock; only who finds
//! all bits of a key set looks into the map. The filter errs towards the map and never away from it:
//! bits are set before a revocation returns, and cleaning keeps the bits of all that stays. The maps
//! are cut into shards, one for each part of the filter, so that cleaning never holds up more than
//! one of them.
//!
//! The durable truth is the database; this is the copy that a node keeps at hand.
//!
//! What was forgotten stays refused, whatever a clock says later: the set has a horizon, and vouches
//! for no token that expires before it. While clocks are right, such tokens have expired anyway.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use portcullis_domain::{AccountId, SessionId, Timestamp, TokenId};
use uuid::Uuid;

use crate::revocation_filter::{self, Filter, Fingerprint, PARTS};
use crate::{AccessClaims, Revocation, RevocationEntry};

/// A concurrent set of revocations, each kept until it is told to be forgotten.
///
/// Empty it takes 1 MiB. It is made for a million entries; with several millions each question costs
/// more, and the answers stay exact.
pub struct RevocationSet {
    filter: Filter,
    shards: [Shard; PARTS],
    /// Microseconds since 1970; never goes back.
    horizon: AtomicI64,
}

impl RevocationSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self {
            filter: Filter::new(),
            shards: std::array::from_fn(|_| Shard::default()),
            horizon: AtomicI64::new(i64::MIN),
        }
    }

    /// Whether the token with these claims must be refused.
    pub fn is_revoked(&self, claims: &AccessClaims) -> bool {
        claims.expires_at.as_micros() < self.horizon.load(Ordering::Acquire)
            || self.covers(claims.session, claims.token, claims.subject, claims.issued_at)
    }

    /// Whether a token of that session, name, subject and `iat` must be refused.
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

    /// Refuses from now on what the entry covers. Of two ends for one thing the later holds, and so
    /// does the later of two bounds for one subject.
    pub fn revoke(&self, entry: RevocationEntry) {
        let key = fingerprint(&entry.revocation);
        let Some(shard) = self.shards.get(key.part()) else { return };
        let mut entries = shard.write();
        entries.insert(entry);
        // Before the lock is let go: cleaning would take an entry without bits for one with them.
        self.filter.insert(key);
    }

    /// [`RevocationSet::revoke`] for each of them.
    pub fn revoke_all(&self, entries: impl IntoIterator<Item = RevocationEntry>) {
        for entry in entries {
            self.revoke(entry);
        }
    }

    /// From now on vouches for no token that expires before the horizon, because what covers it may
    /// have been forgotten. An earlier horizon changes nothing.
    pub fn vouch_from(&self, horizon: Timestamp) {
        self.horizon.fetch_max(horizon.as_micros(), Ordering::AcqRel);
    }

    /// Drops what is needed for tokens only that expire before the horizon, and vouches for none of
    /// them any more. Holds up one shard at a time, and there only those who must ask the map.
    ///
    /// The horizon should be [`REVOCATION_MARGIN`](crate::REVOCATION_MARGIN) before the present time:
    /// then a clock that is wrong by less makes nobody refused who should not be.
    pub fn forget_before(&self, horizon: Timestamp) {
        self.vouch_from(horizon);
        for (part, shard) in self.shards.iter().enumerate() {
            let mut entries = shard.write();
            if entries.forget_before(horizon) {
                self.filter.clean(part, entries.fingerprints());
            }
        }
    }

    /// How many entries are held, those of one subject as one.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that it takes beside its own size, give or take the allocator's rounding.
    pub fn heap_bytes(&self) -> usize {
        let maps = self.shards.iter().map(|shard| shard.read().heap_bytes());
        self.filter.heap_bytes() + maps.sum::<usize>()
    }

    /// Asks the map behind the filter, if the filter may hold the key.
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

/// On cache lines of its own: those who ask neighbouring shards must not slow each other down.
#[derive(Default)]
#[repr(align(128))]
struct Shard(RwLock<Entries>);

impl Shard {
    /// A panic cannot leave a map half changed, so a poisoned lock is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each with the time until which it is needed.
#[derive(Default)]
struct Entries {
    sessions: Map<SessionId, Timestamp>,
    tokens: Map<TokenId, Timestamp>,
    subjects: Map<AccountId, Bound>,
}

struct Bound {
    issued_before: Timestamp,
    until: Timestamp,
}

impl Entries {
    fn insert(&mut self, RevocationEntry { revocation, until }: RevocationEntry) {
        match revocation {
            Revocation::Session(session) => prolong(&mut self.sessions, session, until),
            Revocation::Token(token) => prolong(&mut self.tokens, token, until),
            Revocation::Subject { account, issued_before } => {
                let bound = self.subjects.entry(account).or_insert(Bound { issued_before, until });
                bound.issued_before = bound.issued_before.max(issued_before);
                bound.until = bound.until.max(until);
            }
        }
    }

    /// Whether anything was dropped.
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

/// After a flood has passed, its memory is not kept for the next.
fn give_back<K: Eq + std::hash::Hash, V>(map: &mut Map<K, V>) {
    if map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}

/// The standard library's table has a byte beside each slot, and fills seven of eight slots.
fn heap_bytes<K, V>(map: &Map<K, V>) -> usize {
    map.capacity() * 8 / 7 * (size_of::<(K, V)>() + 1)
}

/// Hashes nothing but ids.
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
