//! A cache of tokens that were verified before.
//!
//! A client sends the same access token with each request. The verification of its signature and
//! the parsing of its claims cost many times as much as the digest of its text. An entry belongs to
//! the SHA-256 digest of a whole token and means: the signature over exactly this text is valid, and
//! these are its claims. The period of validity is checked at each use, and an expired or revoked
//! token is refused as without the cache. The cache belongs to one set of keys and is dropped with
//! it.

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::Digest;
use crate::validity::Validity;

/// A table of fixed size. The digest of a token selects a set of slots, and a new entry replaces the one of
/// its set that was not used for the longest time. With one slot in a set, two tokens in use at the same time
/// could replace each other at each request. A client without a key cannot influence the content, because
/// only verified tokens are stored.
pub(crate) struct VerifiedCache<C> {
    sets: Box<[Set<C>]>,
}

/// The entry that was used last is the first.
type Set<C> = Mutex<[Option<Arc<Verified<C>>>; WAYS]>;

/// The slots of a set.
const WAYS: usize = 4;

/// A verified token.
pub(crate) struct Verified<C> {
    pub(crate) digest: Digest,
    pub(crate) validity: Validity,
    pub(crate) claims: C,
}

impl<C> VerifiedCache<C> {
    /// A cache of as many tokens as fill the sets for `capacity`; with 0 it stores none. An empty set takes
    /// 40 bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { sets: (0..capacity.div_ceil(WAYS)).map(|_| Mutex::default()).collect() }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// The token, if it was verified before. A set in use by another thread counts as empty, so
    /// that no thread waits.
    pub(crate) fn find(&self, token: &Digest) -> Option<Arc<Verified<C>>> {
        let mut set = self.set(token)?.try_lock().ok()?;
        let is_token = |entry: &Option<Arc<Verified<C>>>| {
            entry.as_ref().is_some_and(|verified| verified.digest == *token)
        };
        let place = set.iter().position(is_token)?;
        set.get_mut(..=place)?.rotate_right(1);
        set.first()?.clone()
    }

    /// Stores a verified token.
    pub(crate) fn insert(&self, token: Verified<C>) {
        if let Some(mut set) = self.set(&token.digest).and_then(|set| set.try_lock().ok()) {
            set.rotate_right(1);
            if let Some(first) = set.first_mut() {
                *first = Some(Arc::new(token));
            }
        }
    }

    fn set(&self, token: &Digest) -> Option<&Set<C>> {
        let head = token.as_bytes().first_chunk().copied().unwrap_or_default();
        let number = usize::from_be_bytes(head).checked_rem(self.sets.len())?;
        self.sets.get(number)
    }
}

impl<C> fmt::Debug for VerifiedCache<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedCache").field("capacity", &self.capacity()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(text: &str) -> Verified<()> {
        let validity = Validity { from: 0, until: 1 };
        Verified { digest: Digest::of(text), validity, claims: () }
    }

    #[test]
    fn it_keeps_what_it_was_given_and_no_more_than_its_capacity() {
        let cache = VerifiedCache::new(64);
        let tokens: Vec<String> = (0..1_000).map(|n| format!("token {n}")).collect();
        let contains = |token: &String| cache.find(&Digest::of(token)).is_some();
        for token in &tokens {
            assert!(!contains(token));
            cache.insert(verified(token));
            assert!(contains(token));
        }
        let kept = tokens.iter().filter(|token| contains(token)).count();
        assert!((1..=64).contains(&kept), "{kept}");
        assert!(size_of::<Set<()>>() <= 40);
    }

    #[test]
    fn tokens_of_one_set_stay_as_long_as_they_are_used() {
        let cache = VerifiedCache::new(WAYS);
        let tokens: Vec<String> = (0..=WAYS).map(|n| format!("token {n}")).collect();
        let (used, last) = tokens.split_at(WAYS);
        let contains = |token: &String| cache.find(&Digest::of(token)).is_some();
        for token in used {
            cache.insert(verified(token));
        }
        for token in used.iter().chain(used) {
            assert!(contains(token), "{token}");
        }
        assert!(contains(&used[0]));
        cache.insert(verified(&last[0]));
        let kept: Vec<bool> = tokens.iter().map(contains).collect();
        assert_eq!(kept, [true, false, true, true, true], "the one not used for longest goes");
    }

    #[test]
    fn without_capacity_it_keeps_nothing() {
        let cache = VerifiedCache::new(0);
        cache.insert(verified("token"));
        assert!(cache.find(&Digest::of("token")).is_none());
    }

    #[test]
    fn a_set_in_use_counts_as_empty() {
        let (cache, token) = (VerifiedCache::new(1), Digest::of("token"));
        cache.insert(verified("token"));
        let held = cache.sets[0].lock().unwrap();
        assert!(cache.find(&token).is_none());
        drop(held);
        assert!(cache.find(&token).is_some());
    }
}
