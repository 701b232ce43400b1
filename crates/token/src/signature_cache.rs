//! A cache of tokens whose signatures were verified before.
//!
//! A client sends the same access token with each request. The verification of a key-pair signature
//! costs many times as much as the parsing of the claims. An entry is the SHA-256 digest of a whole
//! token and means only: the signature over exactly this text is valid. Everything else is checked
//! at each use, and an expired or revoked token is refused as without the cache. The cache belongs
//! to one set of keys and is dropped with it.

use std::fmt;
use std::sync::Mutex;

use crate::Digest;

/// A table of fixed size. A new entry takes the slot that its digest selects, and replaces the
/// older entry there. A client without a key cannot influence the content, because only tokens with
/// a valid signature are stored.
pub(crate) struct SignatureCache {
    slots: Box<[Mutex<Option<Digest>>]>,
}

impl SignatureCache {
    /// A cache of at most `capacity` tokens, 40 bytes each; with 0 it stores none.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { slots: (0..capacity).map(|_| Mutex::default()).collect() }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether the signature of this token was verified before. A slot in use by another
    /// thread counts as empty, so that no thread waits.
    pub(crate) fn contains(&self, token: &Digest) -> bool {
        let slot = self.slot(token).and_then(|slot| slot.try_lock().ok());
        slot.is_some_and(|slot| slot.as_ref() == Some(token))
    }

    /// Stores a token whose signature was verified.
    pub(crate) fn insert(&self, token: Digest) {
        if let Some(mut slot) = self.slot(&token).and_then(|slot| slot.try_lock().ok()) {
            *slot = Some(token);
        }
    }

    fn slot(&self, token: &Digest) -> Option<&Mutex<Option<Digest>>> {
        let head = token.as_bytes().first_chunk().copied().unwrap_or_default();
        let number = usize::from_be_bytes(head).checked_rem(self.slots.len())?;
        self.slots.get(number)
    }
}

impl fmt::Debug for SignatureCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureCache").field("capacity", &self.capacity()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_what_it_was_given_and_no_more_than_its_capacity() {
        let cache = SignatureCache::new(64);
        let tokens: Vec<Digest> = (0..1_000).map(|n| Digest::of(&format!("token {n}"))).collect();
        for token in &tokens {
            assert!(!cache.contains(token));
            cache.insert(*token);
            assert!(cache.contains(token));
        }
        let kept = tokens.iter().filter(|token| cache.contains(token)).count();
        assert!((1..=64).contains(&kept), "{kept}");
        assert!(size_of::<Mutex<Option<Digest>>>() <= 40);
    }

    #[test]
    fn without_capacity_it_keeps_nothing() {
        let (cache, token) = (SignatureCache::new(0), Digest::of("token"));
        cache.insert(token);
        assert!(!cache.contains(&token));
    }

    #[test]
    fn a_slot_in_use_counts_as_empty() {
        let (cache, token) = (SignatureCache::new(1), Digest::of("token"));
        cache.insert(token);
        let held = cache.slots[0].lock().unwrap();
        assert!(!cache.contains(&token));
        drop(held);
        assert!(cache.contains(&token));
    }
}
