//! Working memory of Argon2, reused between hashes.
//!
//! A fresh allocation of 19 MiB costs a page fault for each 4 KiB, a tenth of the whole hash, so a
//! worker keeps its blocks. It must not keep the memory of the most expensive hash permanently.

use argon2::Block;
use zeroize::Zeroize;

/// Working memory for one hash at a time; empty until used, wiped when released.
#[derive(Default)]
pub struct Scratch {
    blocks: Vec<Block>,
}

impl Scratch {
    /// The amount of held memory in KiB.
    pub fn held_kib(&self) -> usize {
        self.blocks.len()
    }

    /// Wipes and releases the memory. The next hash allocates again.
    ///
    /// The blocks are equivalent to a fast hash of the last password: an attacker who reads them
    /// can test a guess at the cost of one `BLAKE2b` instead of one Argon2.
    pub fn release(&mut self) {
        // Only the used part: the rest of the capacity has never been written.
        self.blocks.iter_mut().zeroize();
        self.blocks = Vec::new();
    }

    /// Returns at least `count` blocks of 1 KiB. Memory of more than twice that size is released
    /// first.
    pub(crate) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.blocks.len() > count.saturating_mul(2) {
            self.release();
        }
        if self.blocks.len() < count {
            self.release();
            self.blocks = Vec::with_capacity(count.max(MIN_CAPACITY));
            self.blocks.resize(count, Block::default());
        }
        &mut self.blocks
    }
}

/// The minimum capacity in blocks, although fewer are used; unused blocks take no memory. The
/// allocator of glibc maps an allocation above 32 MiB separately and returns it to the system when
/// it is freed. Of smaller allocations it keeps the largest one for each of its arenas.
const MIN_CAPACITY: usize = 33 * 1024;

impl Drop for Scratch {
    fn drop(&mut self) {
        self.release();
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").field("held_kib", &self.held_kib()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_between_hashes_of_one_size() {
        let mut scratch = Scratch::default();
        assert_eq!(scratch.held_kib(), 0);
        let first = scratch.blocks(64).as_ptr();
        assert_eq!(scratch.blocks(64).as_ptr(), first);
        assert_eq!(scratch.blocks(32).as_ptr(), first);
        assert_eq!(scratch.held_kib(), 64);
    }

    #[test]
    fn one_large_hash_does_not_pin_its_memory() {
        let mut scratch = Scratch::default();
        scratch.blocks(640);
        assert_eq!(scratch.blocks(64).len(), 64);
        assert_eq!(scratch.held_kib(), 64);
        scratch.release();
        assert_eq!(scratch.held_kib(), 0);
    }
}
