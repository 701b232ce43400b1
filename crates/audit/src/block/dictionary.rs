//! A dictionary of the values in a block: a value is written once and referenced by its number
//! later.
//!
//! A reference is a varint: nothing, a definition that follows, or the number of an earlier
//! definition.

use std::borrow::Borrow;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};

use foldhash::{HashMap, HashMapExt};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::encoding::{Bytes, counted, length, varint};

/// The reference to nothing.
pub(super) const NOTHING: u8 = 0;

/// The numbers of the values of one kind.
pub(super) struct Dictionary<K>(HashMap<K, u64>);

impl<K: Hash + Eq> Dictionary<K> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Writes the reference to `value`. Returns `true` for a new value, whose definition must
    /// follow.
    pub(super) fn refer<Q>(&mut self, records: &mut Vec<u8>, value: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let number = self.0.get(value).copied();
        varint(records, number.unwrap_or(DEFINITION));
        if number.is_none() {
            let next = length(self.0.len()).saturating_add(FIRST);
            self.0.insert(value.to_owned(), next);
        }
        number.is_none()
    }

    /// Removes the values and keeps the allocated memory.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Reads a reference, and the definition if one follows.
#[inline]
pub(super) fn refer<'p, T>(
    bytes: &mut Bytes<'p>,
    known: &mut Vec<T>,
    define: impl FnOnce(&mut Bytes<'p>) -> Option<T>,
) -> Option<usize> {
    match bytes.varint()? {
        DEFINITION => {
            known.push(define(bytes)?);
            known.len().checked_sub(1)
        }
        number => {
            let index = usize::try_from(number.checked_sub(FIRST)?).ok()?;
            (index < known.len()).then_some(index)
        }
    }
}

/// A text as its definition spells it.
#[derive(Debug)]
pub(super) enum Text<'p> {
    Plain(&'p str),
    Uuid([u8; Hyphenated::LENGTH]),
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Uuid(digits) => str::from_utf8(digits).ok(),
        }
    }
}

/// Writes the bytes of the address: 4 or 16.
pub(super) fn define_address(records: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => counted(records, &address.octets()),
        IpAddr::V6(address) => counted(records, &address.octets()),
    }
}

/// Writes twice the length and the text, or [`UUID`] and the 16 bytes of a UUID in its canonical
/// spelling.
pub(super) fn define_text(records: &mut Vec<u8>, text: &str) {
    if let Some(id) = canonical_uuid(text) {
        varint(records, UUID);
        records.extend(id.as_bytes());
    } else {
        varint(records, length(text.len()).saturating_mul(2));
        records.extend(text.as_bytes());
    }
}

pub(super) fn read_uuid(bytes: &mut Bytes<'_>) -> Option<Uuid> {
    bytes.array().map(Uuid::from_bytes)
}

pub(super) fn read_address(bytes: &mut Bytes<'_>) -> Option<IpAddr> {
    match bytes.counted()? {
        [a, b, c, d] => Some(Ipv4Addr::new(*a, *b, *c, *d).into()),
        other => <[u8; 16]>::try_from(other).ok().map(IpAddr::from),
    }
}

pub(super) fn read_text<'p>(bytes: &mut Bytes<'p>) -> Option<Text<'p>> {
    let length = bytes.varint()?;
    if length == UUID {
        let mut digits = [0; Hyphenated::LENGTH];
        read_uuid(bytes)?.as_hyphenated().encode_lower(&mut digits);
        return Some(Text::Uuid(digits));
    }
    if length % 2 != 0 {
        return None;
    }
    let text = bytes.take(usize::try_from(length / 2).ok()?)?;
    str::from_utf8(text).ok().map(Text::Plain)
}

/// Returns the UUID whose canonical spelling is exactly this text.
fn canonical_uuid(text: &str) -> Option<Uuid> {
    let id = (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()?;
    let mut buffer = Uuid::encode_buffer();
    (id.as_hyphenated().encode_lower(&mut buffer) == text).then_some(id)
}

const DEFINITION: u64 = 1;
const FIRST: u64 = 2;

/// An odd number, so that it is not a length.
const UUID: u64 = 1;
