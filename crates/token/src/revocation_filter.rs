//! The filter in front of the maps of the revocation set: a Bloom filter whose four bits for one key
//! lie in one word (a "blocked" one, Putze and others 2007), so a question costs one memory access.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// Says of any key that was inserted "maybe", and of nearly any other "no".
pub(crate) struct Filter(Box<[AtomicU64]>);

impl Filter {
    pub(crate) fn new() -> Self {
        Self(std::iter::repeat_with(AtomicU64::default).take(PARTS * WORDS_OF_PART).collect())
    }

    /// `false` only if the key was never inserted or its part was cleaned of it.
    pub(crate) fn may_hold(&self, key: Fingerprint) -> bool {
        let word = self.0.get(key.word).map_or(u64::MAX, |word| word.load(Ordering::Acquire));
        word & key.bits == key.bits
    }

    pub(crate) fn insert(&self, key: Fingerprint) {
        if let Some(word) = self.0.get(key.word) {
            word.fetch_or(key.bits, Ordering::AcqRel);
        }
    }

    /// Makes one part hold these keys only, word by word, so that readers find each of them at every
    /// moment. The caller keeps others from inserting into the part meanwhile, and names all that
    /// must stay.
    pub(crate) fn clean(&self, part: usize, keys: impl Iterator<Item = Fingerprint>) {
        let first = part * WORDS_OF_PART;
        let mut cleaned = vec![0; WORDS_OF_PART];
        for key in keys {
            if let Some(word) = cleaned.get_mut(key.word.wrapping_sub(first)) {
                *word |= key.bits;
            }
        }
        for (word, bits) in self.0.iter().skip(first).zip(cleaned) {
            word.store(bits, Ordering::Release);
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// How many parts can be cleaned one by one.
pub(crate) const PARTS: usize = 64;

/// 1 MiB in all, which fits the cache of one core: eight bits for each of a million entries, of which
/// one stranger in about 35 then finds all of its bits set.
const WORDS_OF_PART: usize = 2048;

/// Where the bits of a key are.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint {
    word: usize,
    bits: u64,
}

impl Fingerprint {
    /// The same id gives another fingerprint as a key of another `kind`.
    pub(crate) fn new(kind: u64, id: &Uuid) -> Self {
        let hash = hash(id, kind);
        let bit = |shift: u32| 1 << ((hash >> shift) % 64);
        Self {
            // From the upper half; the lower 24 bits choose those within the word.
            word: usize::try_from(hash >> 32).unwrap_or(0) % (PARTS * WORDS_OF_PART),
            bits: bit(0) | bit(6) | bit(12) | bit(18),
        }
    }

    /// The part that holds the word.
    pub(crate) const fn part(self) -> usize {
        self.word / WORDS_OF_PART
    }
}

/// Spreads an id over 64 bits (the finish of `MurmurHash3`). Ids come from the server, so nobody can
/// choose them to collide, and a keyed hash would cost as much as the rest of the look-up.
pub(crate) fn hash(id: &Uuid, seed: u64) -> u64 {
    let (high, low) = id.as_u64_pair();
    let mut hash = low ^ high.rotate_left(32) ^ seed;
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{SessionId, SystemRandom, Timestamp};

    use super::*;

    fn keys(count: usize) -> Vec<Fingerprint> {
        let now = Timestamp::from_seconds(1_800_000_000);
        (0..count)
            .map(|_| Fingerprint::new(1, SessionId::generate(now, &SystemRandom).as_uuid()))
            .collect()
    }

    #[test]
    fn a_key_that_was_inserted_is_found_and_few_others_are() {
        let filter = Filter::new();
        let (inserted, strangers) = (keys(100_000), keys(100_000));
        for key in &inserted {
            filter.insert(*key);
        }
        assert!(inserted.iter().all(|key| filter.may_hold(*key)));
        assert!(strangers.iter().filter(|key| filter.may_hold(**key)).count() < 100);
    }

    #[test]
    fn cleaning_a_part_keeps_what_it_is_told_and_leaves_other_parts_alone() {
        let filter = Filter::new();
        let keys = keys(20_000);
        for key in &keys {
            filter.insert(*key);
        }
        let (mut stays, mut goes) = (keys.clone(), keys.clone());
        stays.retain(|key| key.part() != 7 || key.bits % 2 == 0);
        goes.retain(|key| key.part() == 7 && key.bits % 2 == 1);
        filter.clean(7, stays.iter().copied());
        assert!(stays.iter().all(|key| filter.may_hold(*key)));
        assert!(goes.iter().filter(|key| filter.may_hold(**key)).count() < goes.len() / 10);
    }

    #[test]
    fn ids_of_one_moment_spread_over_all_parts() {
        let mut counts = [0; PARTS];
        for key in keys(64_000) {
            counts[key.part()] += 1;
        }
        assert!(counts.iter().all(|count| (700..1_300).contains(count)), "{counts:?}");
    }

    #[test]
    fn one_id_as_two_kinds_gives_two_fingerprints() {
        let id = Uuid::from_u128(7);
        let (one, two) = (Fingerprint::new(0, &id), Fingerprint::new(1, &id));
        assert!(one.word != two.word || one.bits != two.bits);
    }
}
