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

/// A table of fixed size. A new entry takes the slot that its digest selects, and replaces the
/// older entry there. A client without a key cannot influence the content, because only verified
/// tokens are stored.
pub(crate) struct VerifiedCache<C> {
    slots: Box<[Slot<C>]>,
}

type Slot<C> = Mutex<Option<Arc<Verified<C>>>>;

/// A verified token.
pub(crate) struct Verified<C> {
    pub(crate) digest: Digest,
    pub(crate) validity: Validity,
    pub(crate) claims: C,
}

impl<C> VerifiedCache<C> {
    /// A cache of at most `capacity` tokens; with 0 it stores none. An empty slot takes 16 bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { slots: (0..capacity).map(|_| Mutex::default()).collect() }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// The token, if it was verified before. A slot in use by another thread counts as empty, so
    /// that no thread waits.
    pub(crate) fn find(&self, token: &Digest) -> Option<Arc<Verified<C>>> {
        let slot = self.slot(token)?.try_lock().ok()?;
        slot.as_ref().filter(|verified| verified.digest == *token).cloned()
    }

    /// Stores a verified token.
    pub(crate) fn insert(&self, token: Verified<C>) {
        if let Some(mut slot) = self.slot(&token.digest).and_then(|slot| slot.try_lock().ok()) {
            *slot = Some(Arc::new(token));
        }
    }

    fn slot(&self, token: &Digest) -> Option<&Slot<C>> {
        let head = token.as_bytes().first_chunk().copied().unwrap_or_default();
        let number = usize::from_be_bytes(head).checked_rem(self.slots.len())?;
        self.slots.get(number)
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
        assert!(size_of::<Slot<()>>() <= 16);
    }

    #[test]
    fn without_capacity_it_keeps_nothing() {
        let cache = VerifiedCache::new(0);
        cache.insert(verified("token"));
        assert!(cache.find(&Digest::of("token")).is_none());
    }

    #[test]
    fn a_slot_in_use_counts_as_empty() {
        let (cache, token) = (VerifiedCache::new(1), Digest::of("token"));
        cache.insert(verified("token"));
        let held = cache.slots[0].lock().unwrap();
        assert!(cache.find(&token).is_none());
        drop(held);
        assert!(cache.find(&token).is_some());
    }
}
