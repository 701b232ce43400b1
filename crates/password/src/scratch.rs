//! The working memory of Argon2, kept between hashes.
//!
//! Allocating 19 MiB afresh costs a page fault per 4 KiB, a tenth of the whole hash, so a worker
//! keeps its blocks. It must also not sit on the memory of the most expensive hash it ever saw.

use argon2::Block;
use zeroize::Zeroize;

/// Working memory for one hash at a time; empty until used, wiped when given back.
#[derive(Default)]
pub struct Scratch {
    blocks: Vec<Block>,
}

impl Scratch {
    /// How much memory is held, in KiB.
    pub fn held_kib(&self) -> usize {
        self.blocks.len()
    }

    /// Wipes the memory and gives it back. The next hash allocates afresh.
    ///
    /// The blocks are as good as a fast hash of the last password: whoever reads them can guess at
    /// the price of one `BLAKE2b` instead of one Argon2.
    pub fn release(&mut self) {
        // Only what was used: the rest of the capacity has never been touched.
        self.blocks.iter_mut().zeroize();
        self.blocks = Vec::new();
    }

    /// At least this many blocks of 1 KiB. Memory of over twice that is given back first.
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

/// Blocks that room is asked for, although fewer are used; what is not used takes no memory. What is
/// larger than 32 MiB the allocator of glibc maps by itself and gives back to the system when it is
/// freed; of what is smaller, it keeps the largest that it ever saw for each of its arenas.
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
