//! CBOR in the form of CTAP2 (section 6 of CTAP 2.1, "message encoding"): what an authenticator may send.
//!
//! Lengths are definite, tags are refused, keys are integers or text, and no key occurs twice. Everything
//! is borrowed from the input, and depth and entries are limited, so that hostile bytes cost no more than
//! their length. Long forms of integers are accepted, as nothing here compares encoded bytes.

use std::convert::Infallible;

use cbor4ii::core::dec::{self, Decode, IgnoredAny, Read, Reference};
use cbor4ii::core::{major, types};

use super::passkey_error::PasskeyError;

/// A reader of the items at the start of some bytes.
pub(super) struct CborReader<'a> {
    rest: &'a [u8],
    depth: usize,
}

/// The key of an entry of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Number(i64),
    Text(&'a str),
}

/// The deepest attestation of the standard has five levels: a certificate in the statement of a compound
/// attestation (section 8.9).
const MAX_DEPTH: usize = 8;

/// The maximum number of entries of a map; those of the standard have fewer than ten.
const MAX_ENTRIES: usize = 32;

impl<'a> CborReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// The bytes that are not read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Fails if bytes are left.
    pub(super) const fn finish(&self) -> Result<(), PasskeyError> {
        if self.rest.is_empty() { Ok(()) } else { Err(PasskeyError::TrailingData) }
    }

    pub(super) fn number(&mut self) -> Result<i64, PasskeyError> {
        self.decode()
    }

    pub(super) fn text(&mut self) -> Result<&'a str, PasskeyError> {
        self.decode()
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], PasskeyError> {
        let types::Bytes(bytes) = self.decode()?;
        Ok(bytes)
    }

    /// Reads a map: calls `entry` with each key, to read its value. Returns the number of entries.
    pub(super) fn map(
        &mut self,
        mut entry: impl FnMut(Key<'a>, &mut Self) -> Result<(), PasskeyError>,
    ) -> Result<usize, PasskeyError> {
        self.nested(|reader| {
            let length = types::Map::len(reader).ok().flatten();
            let length = length.filter(|length| *length <= MAX_ENTRIES);
            let length = length.ok_or(PasskeyError::MalformedCbor)?;
            let mut keys = Vec::with_capacity(length);
            for _ in 0..length {
                let key = reader.key()?;
                if keys.contains(&key) {
                    return Err(PasskeyError::DuplicateKey);
                }
                keys.push(key);
                entry(key, reader)?;
            }
            Ok(length)
        })
    }

    /// Reads any item and returns its bytes.
    pub(super) fn item(&mut self) -> Result<&'a [u8], PasskeyError> {
        let start = self.rest;
        self.skip()?;
        let length = start.len().saturating_sub(self.rest.len());
        start.get(..length).ok_or(PasskeyError::MalformedCbor)
    }

    /// Whether the next item is a map.
    pub(super) fn is_at_map(&self) -> bool {
        self.next_major() == Some(major::MAP)
    }

    /// Whether the next item is a byte string.
    pub(super) fn is_at_bytes(&self) -> bool {
        self.next_major() == Some(major::BYTES)
    }

    fn skip(&mut self) -> Result<(), PasskeyError> {
        match self.next_major() {
            Some(major::BYTES) => self.bytes().map(drop),
            Some(major::STRING) => self.text().map(drop),
            Some(major::MAP) => self.map(|_, reader| reader.skip()).map(drop),
            Some(major::ARRAY) => self.nested(|reader| {
                let length = types::Array::len(reader).ok().flatten();
                for _ in 0..length.ok_or(PasskeyError::MalformedCbor)? {
                    reader.skip()?;
                }
                Ok(())
            }),
            Some(major::UNSIGNED | major::NEGATIVE | major::SIMPLE) => {
                self.decode::<IgnoredAny>().map(drop)
            }
            _ => Err(PasskeyError::MalformedCbor),
        }
    }

    fn key(&mut self) -> Result<Key<'a>, PasskeyError> {
        match self.next_major() {
            Some(major::STRING) => self.text().map(Key::Text),
            _ => self.number().map(Key::Number),
        }
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, PasskeyError>,
    ) -> Result<T, PasskeyError> {
        if self.depth == MAX_DEPTH {
            return Err(PasskeyError::NestingTooDeep);
        }
        self.depth += 1;
        let outcome = read(self);
        self.depth -= 1;
        outcome
    }

    /// The type of the next item; `None` at the end.
    fn next_major(&self) -> Option<u8> {
        self.rest.first().copied().map(dec::if_major)
    }

    fn decode<T: Decode<'a>>(&mut self) -> Result<T, PasskeyError> {
        T::decode(self).map_err(|_| PasskeyError::MalformedCbor)
    }
}

impl<'a> Read<'a> for CborReader<'a> {
    type Error = Infallible;

    fn fill<'short>(&'short mut self, want: usize) -> Result<Reference<'a, 'short>, Infallible> {
        Ok(Reference::Long(self.rest.get(..want).unwrap_or(self.rest)))
    }

    fn advance(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }
}
