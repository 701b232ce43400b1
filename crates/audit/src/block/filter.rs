//! The search filter of a block: a Bloom filter over accounts, addresses and resources, and whether
//! the block has permissions, refusals or both. A search reads it instead of the block.
//!
//! The first byte has a bit for each answer, the rest is the Bloom filter, a power of two bytes
//! long. An item sets the six bits that the SHA-256 digest of its kind and value selects, so every
//! version on every machine uses the same bits.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_domain::AccountId;
use sha2::{Digest, Sha256};

/// The items of a block that is being written.
#[derive(Default)]
pub(super) struct Items {
    answers: u8,
    items: BTreeSet<Item>,
}

impl Items {
    pub(super) fn answered(&mut self, allowed: bool) {
        self.answers |= if allowed { ALLOWED } else { DENIED };
    }

    pub(super) fn insert(&mut self, item: Item) {
        self.items.insert(item);
    }

    /// Returns the filter, with about 12 bits for each item: one query in a hundred reads a block
    /// in vain.
    pub(super) fn into_filter(self) -> Vec<u8> {
        let bytes = self.items.len().saturating_mul(12).div_ceil(8);
        let bytes = bytes.next_power_of_two().clamp(MIN_BYTES, MAX_BYTES);
        let mut filter = vec![0; bytes + 1];
        if let Some((answers, bits)) = filter.split_first_mut() {
            *answers = self.answers;
            for item in self.items {
                for (byte, mask) in item.places(bytes) {
                    if let Some(byte) = bits.get_mut(byte) {
                        *byte |= mask;
                    }
                }
            }
        }
        filter
    }
}

/// The filter of a stored block. Bytes that are not a valid filter exclude nothing.
#[derive(Clone, Copy)]
pub(crate) struct BlockFilter<'a>(pub &'a [u8]);

impl BlockFilter<'_> {
    /// Returns whether the block may contain a decision with this answer.
    pub(crate) fn may_have_answered(self, allowed: bool) -> bool {
        let wanted = if allowed { ALLOWED } else { DENIED };
        self.0.first().is_none_or(|answers| answers & wanted != 0)
    }

    /// Returns whether the block may contain a decision with this item.
    pub(crate) fn may_hold(self, item: Item) -> bool {
        let Some((_, bits)) = self.0.split_first().filter(|(_, bits)| is_sized(bits)) else {
            return true;
        };
        item.places(bits.len())
            .all(|(byte, mask)| bits.get(byte).is_none_or(|bits| bits & mask != 0))
    }
}

/// The digest of an item to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item([u8; 24]);

impl Item {
    pub(crate) fn account(account: AccountId) -> Self {
        Self::new(b"account", account.as_uuid().as_bytes())
    }

    pub(crate) fn resource(resource: &str) -> Self {
        Self::new(b"resource", resource.as_bytes())
    }

    pub(crate) fn address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::new(b"address", &address.octets()),
            IpAddr::V6(address) => Self::new(b"address", &address.octets()),
        }
    }

    fn new(kind: &[u8], value: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(value);
        let mut item = [0; 24];
        for (byte, digested) in item.iter_mut().zip(digest.finalize()) {
            *byte = digested;
        }
        Self(item)
    }

    /// Returns six positions in a filter of this size, a power of two: the byte, and the bit in it.
    fn places(self, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
        let (words, _) = self.0.as_chunks::<4>();
        let numbers: [u32; 6] =
            std::array::from_fn(|n| words.get(n).copied().map_or(0, u32::from_be_bytes));
        numbers.into_iter().map(move |number| {
            let byte = usize::try_from(number >> 3).unwrap_or(0) & (bytes - 1);
            (byte, 1 << (number & 7))
        })
    }
}

fn is_sized(bits: &[u8]) -> bool {
    bits.len().is_power_of_two() && (MIN_BYTES..=MAX_BYTES).contains(&bits.len())
}

const ALLOWED: u8 = 1;
const DENIED: u8 = 2;

/// The minimum and maximum size of a filter, in bytes.
const MIN_BYTES: usize = 8;
const MAX_BYTES: usize = 32 * 1024;
