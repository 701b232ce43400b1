//! The sessions that have ended although tokens of theirs are still unexpired.
//!
//! Every authenticated request asks this set, so asking takes neither the database nor a lock that
//! a busy neighbour holds for long: the set is cut into shards, readers share a shard, and a writer
//! stops the readers of one shard for one insertion. The durable truth is the database; this is the
//! copy that a node keeps at hand.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use portcullis_domain::{SessionId, Timestamp};

use crate::LEEWAY;

/// A concurrent set of ended sessions, each kept until no token of it can be accepted any more.
pub struct RevocationSet {
    shards: [Shard; SHARDS],
}

impl RevocationSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Shard::default()) }
    }

    /// Whether tokens of the session must be refused.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.shard(session).read().contains_key(&session)
    }

    /// Refuses all tokens of these sessions from now on. `until` is when the last of those tokens
    /// expires; of two ends for one session the later holds.
    pub fn revoke_sessions(&self, sessions: impl IntoIterator<Item = SessionId>, until: Timestamp) {
        for session in sessions {
            let mut entries = self.shard(session).write();
            let end = entries.entry(session).or_insert(until);
            *end = until.max(*end);
        }
    }

    /// Drops the sessions whose tokens have all expired, the leeway of the verifiers included.
    pub fn forget_expired(&self, now: Timestamp) {
        for shard in &self.shards {
            shard.write().retain(|_, until| *until + LEEWAY >= now);
        }
    }

    /// How many sessions are held.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Whether no session is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of shards")]
    fn shard(&self, session: SessionId) -> &Shard {
        &self.shards[usize::from(shard_byte(session)) % SHARDS]
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

const SHARDS: usize = 64;

/// On cache lines of its own: readers of neighbouring shards must not slow each other down.
#[derive(Default)]
#[repr(align(128))]
struct Shard(RwLock<Entries>);

type Entries = HashMap<SessionId, Timestamp, BuildHasherDefault<IdHasher>>;

impl Shard {
    /// A panic cannot leave a map half changed, so a poisoned lock is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A byte of the random half of a UUIDv7 that the hasher below does not lean on.
fn shard_byte(session: SessionId) -> u8 {
    let [.., byte, _, _, _, _] = *session.as_uuid().as_bytes();
    byte
}

/// Takes the random half of a UUIDv7 for its hash. Ids come from this server, so nobody can choose
/// them to collide, and a keyed hash would cost as much as the rest of the look-up.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(tail) = bytes.last_chunk() {
            // The two variant bits are constant; the multiplication spreads the others over them.
            self.0 = u64::from_be_bytes(*tail).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use portcullis_domain::SystemRandom;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn sessions(count: usize) -> Vec<SessionId> {
        (0..count).map(|_| SessionId::generate(NOW, &SystemRandom)).collect()
    }

    #[test]
    fn a_session_is_revoked_from_the_next_question_on_and_no_other_is() {
        let set = RevocationSet::new();
        let (ended, alive) = (sessions(1_000), sessions(1_000));
        set.revoke_sessions(ended.iter().copied(), NOW);
        assert!(ended.iter().all(|session| set.is_revoked(*session)));
        assert!(!alive.iter().any(|session| set.is_revoked(*session)));
        assert_eq!(set.len(), 1_000);
    }

    #[test]
    fn an_entry_stays_as_long_as_a_verifier_could_accept_a_token_and_leaves_then() {
        let set = RevocationSet::new();
        let session = sessions(1)[0];
        set.revoke_sessions([session], NOW);
        set.forget_expired(NOW + LEEWAY);
        assert!(set.is_revoked(session));
        set.forget_expired(NOW + LEEWAY + Duration::from_secs(1));
        assert!(!set.is_revoked(session));
        assert!(set.is_empty());
    }

    #[test]
    fn an_earlier_end_does_not_shorten_a_later_one() {
        let set = RevocationSet::new();
        let session = sessions(1)[0];
        set.revoke_sessions([session], NOW + Duration::from_hours(1));
        set.revoke_sessions([session], NOW);
        set.forget_expired(NOW + Duration::from_mins(30));
        assert!(set.is_revoked(session));
    }

    #[test]
    fn ids_of_one_moment_spread_over_all_shards() {
        let shards: HashSet<u8> =
            sessions(4_000).iter().map(|session| shard_byte(*session) % 64).collect();
        assert_eq!(shards.len(), SHARDS);
    }

    #[test]
    fn readers_and_writers_on_many_threads_agree() {
        let set = RevocationSet::new();
        let (first, second) = (sessions(2_000), sessions(2_000));
        std::thread::scope(|scope| {
            let set = &set;
            for half in [&first, &second] {
                scope.spawn(move || {
                    for session in half {
                        set.revoke_sessions([*session], NOW);
                        assert!(set.is_revoked(*session));
                    }
                });
            }
            scope.spawn(|| set.forget_expired(NOW));
        });
        assert_eq!(set.len(), 4_000);
        assert_eq!(format!("{set:?}"), "RevocationSet { len: 4000 }");
    }
}
