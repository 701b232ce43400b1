//! The hash chain: the link of every entry seals the entry and the link before it.
//!
//! `link(n) = HMAC-SHA-256(key, label | chain | n | link(n-1) | SHA-256(content))`. Numbers are 8
//! bytes, big-endian, and every part has a fixed length, so that no two inputs are equal as bytes.
//! `link(0)`, the begin of a chain, is the HMAC over label and chain alone. Sequences begin at 1.
//!
//! The content enters as its digest: so a verifier can keep suspect entries in constant memory,
//! however large the entries are.

use std::fmt;
use std::str::FromStr;

use portcullis_domain::SecureRandom;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::AuditKeys;
use crate::hexadecimal::{NotHexadecimal, from_hexadecimal, hexadecimal};

/// The end of a chain, to which the next entry is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    id: ChainId,
    sequence: u64,
    link: Link,
}

impl Chain {
    /// Creates a chain without entries.
    pub fn genesis(id: ChainId, keys: &AuditKeys) -> Self {
        Self { id, sequence: 0, link: Link::genesis(keys, id) }
    }

    /// Creates a chain whose last entry has this sequence and link.
    pub const fn resume(id: ChainId, sequence: u64, link: Link) -> Self {
        Self { id, sequence, link }
    }

    /// Seals `content` as the next entry; returns its sequence and link.
    pub fn append(&mut self, keys: &AuditKeys, content: &[u8]) -> (u64, Link) {
        self.sequence = self.sequence.saturating_add(1);
        self.link = Link::next(keys, self.id, self.sequence, &self.link, &digest(content));
        (self.sequence, self.link)
    }

    /// Returns the id of the chain.
    pub const fn id(&self) -> ChainId {
        self.id
    }

    /// Returns the sequence of the last entry, 0 before the first.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Returns the link of the last entry.
    pub const fn link(&self) -> Link {
        self.link
    }
}

/// The seal of one entry and of everything before it. Printed in hex, compared in constant time.
#[derive(Clone, Copy)]
pub struct Link([u8; 32]);

hexadecimal!(Link, 32);

impl Link {
    /// Wraps a stored link.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the link before the first entry.
    pub(crate) fn genesis(keys: &AuditKeys, chain: ChainId) -> Self {
        Self(keys.link(&[LABEL, &chain.0.to_be_bytes()]))
    }

    pub(crate) fn next(
        keys: &AuditKeys,
        chain: ChainId,
        sequence: u64,
        previous: &Self,
        content: &ContentDigest,
    ) -> Self {
        let (chain, sequence) = (chain.0.to_be_bytes(), sequence.to_be_bytes());
        Self(keys.link(&[LABEL, &chain, &sequence, &previous.0, content]))
    }
}

impl PartialEq for Link {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Link {}

/// The digest of an entry that enters its link.
pub(crate) type ContentDigest = [u8; 32];

pub(crate) fn digest(content: &[u8]) -> ContentDigest {
    Sha256::digest(content).into()
}

/// The id of a chain. Security events have [`ChainId::EVENT_CHAINS`] permanent chains; the
/// decisions of each run of a node have a separate chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(u64);

impl ChainId {
    /// The number of chains of security events, which have the ids 0 to 15.
    pub const EVENT_CHAINS: u64 = 16;

    /// Generates the id of a new chain of decisions. It is random, so that nodes need no names.
    pub fn generate(random: &dyn SecureRandom) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let id = u64::from_be_bytes(bytes) & MAX;
        Self(id.max(Self::EVENT_CHAINS))
    }

    /// Returns the chain with this id, as read from the database, which stores 63 bits.
    pub fn from_i64(id: i64) -> Option<Self> {
        u64::try_from(id).ok().map(Self)
    }

    /// Returns the value to store.
    pub fn as_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// Returns the kind of the entries.
    pub const fn kind(self) -> ChainKind {
        if self.0 < Self::EVENT_CHAINS { ChainKind::Events } else { ChainKind::Decisions }
    }

    pub(crate) const fn as_u64(self) -> u64 {
        self.0
    }

    pub(crate) fn from_u64(id: u64) -> Option<Self> {
        (id <= MAX).then_some(Self(id))
    }
}

/// Prints 16 hexadecimal digits.
impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ChainId {
    type Err = NotHexadecimal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = u64::from_be_bytes(from_hexadecimal(text)?);
        Self::from_u64(id).ok_or(NotHexadecimal(16))
    }
}

impl Serialize for ChainId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The kind of the entries of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainKind {
    /// Each entry is one security event.
    Events,
    /// Each entry is a block of decisions.
    Decisions,
}

impl ChainKind {
    /// Returns the stable word of the kind, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Decisions => "decisions",
        }
    }
}

/// The head of a chain: its row in the list of chains, and its part of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The chain.
    pub chain: ChainId,
    /// The sequence of the last entry, 0 before the first.
    pub sequence: u64,
    /// The number of events or decisions in the chain: more than `sequence` if entries are blocks.
    pub entries: u64,
    /// The link of the last entry.
    pub link: Link,
}

const LABEL: &[u8] = b"portcullis/audit/v1";
const MAX: u64 = u64::MAX >> 1;

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::SystemRandom;

    fn keys() -> AuditKeys {
        AuditKeys::new([1; 32], [2; 32])
    }

    #[test]
    fn a_resumed_chain_goes_on_as_if_it_had_never_stopped() {
        let keys = keys();
        let mut whole = Chain::genesis(ChainId(3), &keys);
        let (sequence, link) = whole.append(&keys, b"one");
        assert_eq!((sequence, whole.sequence(), whole.link()), (1, 1, link));
        let mut resumed = Chain::resume(ChainId(3), sequence, link);
        assert_eq!(resumed.append(&keys, b"two"), whole.append(&keys, b"two"));
        assert_eq!((resumed, resumed.id(), resumed.sequence()), (whole, ChainId(3), 2));
    }

    #[test]
    fn a_link_depends_on_key_chain_place_past_and_content() {
        let keys = keys();
        let start = Link::genesis(&keys, ChainId(3));
        let link = |keys: &AuditKeys, chain, sequence, previous, content: &[u8]| {
            Link::next(keys, ChainId(chain), sequence, previous, &digest(content)).to_string()
        };
        let links = [
            link(&keys, 3, 1, &start, b"one"),
            link(&AuditKeys::new([9; 32], [2; 32]), 3, 1, &start, b"one"),
            link(&keys, 4, 1, &start, b"one"),
            link(&keys, 3, 2, &start, b"one"),
            link(&keys, 3, 1, &Link([0; 32]), b"one"),
            link(&keys, 3, 1, &start, b"One"),
            start.to_string(),
            Link::genesis(&keys, ChainId(4)).to_string(),
        ];
        let distinct: std::collections::BTreeSet<_> = links.iter().collect();
        assert_eq!(distinct.len(), links.len());
    }

    /// The formula of the documentation, computed with the plain primitives.
    #[test]
    fn the_link_follows_the_published_rule() {
        use hmac::{Hmac, KeyInit, Mac};
        let mac = |message: &[u8]| -> [u8; 32] {
            let mut mac = Hmac::<Sha256>::new_from_slice(&[1; 32]).unwrap();
            mac.update(message);
            mac.finalize().into_bytes().into()
        };
        let genesis = mac(b"portcullis/audit/v1\0\0\0\0\0\0\0\x03");
        let mut message = b"portcullis/audit/v1\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x01".to_vec();
        message.extend(genesis);
        message.extend(Sha256::digest(b"one"));
        let (_, link) = Chain::genesis(ChainId(3), &keys()).append(&keys(), b"one");
        assert_eq!(link, Link(mac(&message)));
    }

    #[test]
    fn ids_of_decision_chains_fit_the_database_and_never_meet_the_event_chains() {
        struct Filled(u8);
        impl SecureRandom for Filled {
            fn fill(&self, buffer: &mut [u8]) {
                buffer.fill(self.0);
            }
        }
        assert_eq!(ChainId::generate(&Filled(0)), ChainId(16));
        assert_eq!(ChainId::generate(&Filled(255)).as_i64(), i64::MAX);
        let id = ChainId::generate(&SystemRandom);
        assert_eq!(id.kind(), ChainKind::Decisions);
        assert_eq!(ChainId::from_i64(id.as_i64()), Some(id));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(ChainId::from_i64(-1), None);
        for beyond in ["ffffffffffffffff", "8000000000000000"] {
            assert_eq!(beyond.parse::<ChainId>(), Err(NotHexadecimal(16)));
        }
        assert_eq!(ChainId(15).kind(), ChainKind::Events);
        assert_eq!(ChainId(16).kind().as_str(), "decisions");
        assert_eq!(ChainId(0).kind().as_str(), "events");
        assert_eq!(ChainId(255).to_string(), "00000000000000ff");
    }
}
