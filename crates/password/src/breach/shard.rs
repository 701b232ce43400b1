//! Shard of a filter file: a binary fuse filter of the keys with the same first bits.

use sha2::{Digest, Sha256};
use xorf::{BinaryFuse16, BinaryFuse16Ref, DmaSerializable, Filter, FilterRef};

/// The bits of a key that choose its shard. A shard of 1,000,000,000 keys in all has about 600 KB,
/// which a look-up reads from the cache of the system.
pub(super) const SHARD_BITS: u32 = 12;

/// The number of shards.
pub(super) const SHARDS: usize = 1 << SHARD_BITS;

/// The bytes of a fingerprint.
const FINGERPRINT: usize = size_of::<u16>();

/// The bytes of the checksum at the end.
const CHECKSUM: usize = 8;

const DESCRIPTOR: usize = BinaryFuse16::DESCRIPTOR_LEN;

/// The shard of a key.
pub(super) fn number(key: u64) -> usize {
    usize::try_from(key >> (u64::BITS - SHARD_BITS)).unwrap_or_default()
}

/// The bytes of the shard with these keys; `None` if the filter cannot be constructed.
pub(super) fn encode(number: usize, keys: &[u64]) -> Option<Vec<u8>> {
    if keys.is_empty() {
        return Some(Vec::new());
    }
    let filter = BinaryFuse16::try_from(keys).ok()?;
    let mut bytes = vec![0; DESCRIPTOR];
    filter.dma_copy_descriptor_to(&mut bytes);
    bytes.extend(filter.fingerprints.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()));
    let checksum = checksum(number, &bytes);
    bytes.extend(checksum);
    Some(bytes)
}

/// A shard that is read.
pub(super) struct Shard {
    descriptor: [u8; DESCRIPTOR],
    /// The fingerprints as the filter reads them, after at most one unused byte.
    bytes: Vec<u8>,
}

impl Shard {
    /// The shard in these bytes; `None` if they are damaged.
    pub(super) fn decode(number: usize, bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self { descriptor: [0; DESCRIPTOR], bytes: Vec::new() });
        }
        let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
        let (descriptor, fingerprints) = content.split_first_chunk::<DESCRIPTOR>()?;
        let is_whole = sum == checksum(number, content) && is_consistent(descriptor, fingerprints);
        is_whole.then(|| {
            let mut bytes: Vec<u8> = Vec::with_capacity(fingerprints.len() + 1);
            bytes.resize(bytes.as_ptr().align_offset(FINGERPRINT).min(1), 0);
            bytes.extend(
                fingerprints
                    .as_chunks::<FINGERPRINT>()
                    .0
                    .iter()
                    .flat_map(|fingerprint| u16::from_le_bytes(*fingerprint).to_ne_bytes()),
            );
            Self { descriptor: *descriptor, bytes }
        })
    }

    /// True if the key is in the shard, and for one of 65,536 other keys.
    pub(super) fn contains(&self, key: u64) -> bool {
        let start = self.bytes.as_ptr().align_offset(FINGERPRINT);
        let fingerprints = self.bytes.get(start..).unwrap_or_default();
        !fingerprints.is_empty()
            && BinaryFuse16Ref::from_dma(&self.descriptor, fingerprints).contains(&key)
    }
}

/// True if every place that the filter computes lies within the fingerprints.
fn is_consistent(descriptor: &[u8; DESCRIPTOR], fingerprints: &[u8]) -> bool {
    let (_, lengths) = descriptor.as_rchunks::<4>();
    let [.., length, mask, count_length] = lengths else { return false };
    let [length, mask, count_length] =
        [length, mask, count_length].map(|bytes| u32::from_le_bytes(*bytes));
    let places = u64::from(count_length) + 2 * u64::from(length);
    let bytes = places.checked_mul(u64::try_from(FINGERPRINT).unwrap_or(u64::MAX));
    length.is_power_of_two()
        && length <= count_length
        && mask == length - 1
        && count_length % length == 0
        && bytes == u64::try_from(fingerprints.len()).ok()
}

fn checksum(number: usize, content: &[u8]) -> [u8; CHECKSUM] {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    let digest = Sha256::new().chain_update(number.to_le_bytes()).chain_update(content).finalize();
    let mut checksum = [0; CHECKSUM];
    checksum.iter_mut().zip(digest).for_each(|(place, byte)| *place = byte);
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: u64) -> Vec<u64> {
        (0..count).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> SHARD_BITS).collect()
    }

    #[test]
    fn every_key_is_found_and_hardly_any_other() {
        for count in [0, 1, 2, 3, 4, 5, 17, 100, 30_000] {
            let keys = keys(count);
            let shard = Shard::decode(7, &encode(7, &keys).unwrap()).unwrap();
            assert!(keys.iter().all(|key| shard.contains(*key)), "{count}");
            let others = (0..100_000).filter(|key| shard.contains(u64::MAX - key)).count();
            assert!(others < 20, "{others} of 100,000 with {count} keys");
        }
    }

    #[test]
    fn a_damaged_or_displaced_shard_is_refused() {
        let bytes = encode(7, &keys(10)).unwrap();
        assert!(Shard::decode(8, &bytes).is_none());
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(Shard::decode(7, &damaged).is_none(), "{place}");
            assert!(Shard::decode(7, &bytes[..place]).is_none() || place == 0);
        }
    }

    /// A writer of the file can compute a checksum too.
    #[test]
    fn a_descriptor_that_points_outside_is_refused() {
        let with_segments = |length: u32, count_length: u32| {
            let mut content = vec![0; DESCRIPTOR - 12];
            content.extend(
                [length, length.wrapping_sub(1), count_length].map(u32::to_le_bytes).concat(),
            );
            let places = usize::try_from(count_length.saturating_add(2 * (length & 0xff))).unwrap();
            content.extend(vec![0; places.min(1 << 16) * FINGERPRINT]);
            let sum = checksum(0, &content);
            content.extend(sum);
            Shard::decode(0, &content).is_some()
        };
        assert!(with_segments(4, 4), "the form of a small shard");
        for (length, count_length) in [(4, 0), (0, 4), (3, 3), (4, 6), (u32::MAX, u32::MAX)] {
            assert!(!with_segments(length, count_length), "{length} {count_length}");
        }
    }
}
