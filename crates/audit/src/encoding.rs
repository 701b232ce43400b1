//! Encoding of numbers and texts as bytes.
//!
//! Reading is total: any input gives a value or `None`, and uses no more memory than the input.

use std::str;

/// Writes a length in 4 bytes, big-endian, and the text. A text of 4 GiB or more does not occur.
pub(crate) fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(text.as_bytes());
}

/// Writes seven bits in each byte, lowest first, the top bit set in all but the last (LEB128).
pub(crate) fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low_bits(number));
}

/// Writes a signed number: a small one of either sign takes one byte.
pub(crate) fn zigzag(bytes: &mut Vec<u8>, number: i64) {
    varint(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Writes a varint length and the bytes.
pub(crate) fn counted(bytes: &mut Vec<u8>, content: &[u8]) {
    varint(bytes, length(content.len()));
    bytes.extend(content);
}

pub(crate) fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn low_bits(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

/// The remaining input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Reads at most ten bytes, the last of which is not zero: every number has one encoding.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        let mut number = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return (byte != 0).then_some(number);
            }
        }
        None
    }

    pub(crate) fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let count = self.varint()?;
        self.take(usize::try_from(count).ok()?)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.counted()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_read_back(unsigned: u64, signed: i64) {
            let mut bytes = Vec::new();
            varint(&mut bytes, unsigned);
            zigzag(&mut bytes, signed);
            let mut reader = Bytes(&bytes);
            prop_assert_eq!(reader.varint(), Some(unsigned));
            prop_assert_eq!(reader.zigzag(), Some(signed));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn every_number_has_one_spelling(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Bytes(&bytes);
            if let Some(number) = reader.varint() {
                let mut again = Vec::new();
                varint(&mut again, number);
                prop_assert_eq!(&bytes[..bytes.len() - reader.0.len()], &again);
            }
        }
    }

    #[test]
    fn the_smallest_and_the_largest_numbers_read_back() {
        for number in [0, 0x7f, 0x80, 0x3fff, 0x4000, u64::MAX] {
            let mut bytes = Vec::new();
            varint(&mut bytes, number);
            assert_eq!(Bytes(&bytes).varint(), Some(number));
        }
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            let mut bytes = Vec::new();
            zigzag(&mut bytes, number);
            assert_eq!(Bytes(&bytes).zigzag(), Some(number));
        }
        assert_eq!(Bytes(&[0x80, 0]).varint(), None);
        assert_eq!(Bytes(&[0xff; 10]).varint(), None);
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert_eq!(Bytes(&[5, b'a']).counted(), None);
        assert_eq!(Bytes(&[0xff, 0xff, 0xff, 0xff, 0x0f, b'a']).counted(), None);
        assert_eq!(Bytes(&[1, 0xff]).text(), None);
        assert_eq!(Bytes(&[1, b'a']).text(), Some("a"));
    }
}
