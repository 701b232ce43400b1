//! Blocks of decisions: the compact format that records hundreds of thousands of permission checks
//! per second.
//!
//! A block contains the decisions of one group commit, in the order of their ordinals, and can be
//! read without other blocks. Its payload is:
//!
//! | Part | Bytes |
//! |---|---|
//! | version, chain | 1 (the number 2), 8 |
//! | first ordinal, count | 8, 4 |
//! | earliest and latest time, microseconds | 8, 8 |
//! | filter | 2 for its length, and the filter |
//! | each decision | a record of a few bytes, and its tag of 8 |
//!
//! The numbers above are big-endian; those inside records are varints. A text, an id or an address
//! is written in full where it first occurs and numbered; later it is that number. The fields of
//! the request (caller, session, address, client, request id, version of the matrix) are written
//! once for all decisions of the request.
//!
//! The link seals the payload as a whole. The tag of a decision is an HMAC-SHA-256 over chain,
//! ordinal and record, cut to 8 bytes. It adds no proof: it shows a verifier *which* decision was
//! changed.

mod dictionary;
mod filter;
mod flag;
mod previous;
mod reader;
mod writer;

pub use reader::BlockReader;
pub use writer::BlockWriter;

pub(crate) use filter::{BlockFilter, Item};
pub(crate) use reader::first_changed;

use portcullis_domain::Timestamp;

use crate::encoding::Bytes;
use crate::{ChainId, DecisionId};

/// One block: its payload, and the columns for searching.
///
/// The columns repeat values of the payload, so that a search need not read the payload. A verifier
/// compares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The chain of the block.
    pub chain: ChainId,
    /// The ordinal of the first decision; the others follow without gaps.
    pub first_ordinal: u64,
    /// The number of decisions, at least one.
    pub count: u32,
    /// The earliest time of a decision in the block.
    pub from: Timestamp,
    /// The latest time of a decision in the block.
    pub until: Timestamp,
    /// The search filter: excludes blocks that a search need not read; see
    /// [`Filter::may_match_block`].
    ///
    /// [`Filter::may_match_block`]: crate::Filter::may_match_block
    pub filter: Vec<u8>,
    /// The payload, in the format of this module.
    pub payload: Vec<u8>,
}

impl Block {
    /// Returns the block with this payload, its columns read from the payload.
    pub fn from_payload(payload: Vec<u8>) -> Result<Self, BlockError> {
        let (Header { chain, .. }, _) = Header::read(&payload).ok_or(BlockError::Header)?;
        Ok(Self::as_found(chain, payload))
    }

    /// Returns the block with this payload, valid or not, for the verifier.
    pub(crate) fn as_found(chain: ChainId, payload: Vec<u8>) -> Self {
        let (from, until) = (Timestamp::from_micros(0), Timestamp::from_micros(0));
        let unread = Header { chain, first_ordinal: 0, count: 0, from, until, filter: &[] };
        let (header, _) = Header::read(&payload).unwrap_or((unread, Bytes(&[])));
        let Header { chain, first_ordinal, count, from, until, filter } = header;
        let filter = filter.to_vec();
        Self { chain, first_ordinal, count, from, until, filter, payload }
    }

    /// Returns whether the columns match the payload, and the block belongs to the chain.
    pub(crate) fn is_consistent(&self, chain: ChainId) -> bool {
        let Self { first_ordinal, count, from, until, ref filter, .. } = *self;
        let columns = Header { chain, first_ordinal, count, from, until, filter };
        let payload = Header::read(&self.payload);
        self.chain == chain && payload.is_some_and(|(header, _)| header == columns)
    }
}

/// A payload cannot be read. [`BlockWriter`] never writes such a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The header is not the header of a block of decisions.
    #[error("the block does not begin as one: its version is unknown or it is cut short")]
    Header,
    /// This decision cannot be read; all decisions before it can.
    #[error("the block is damaged at decision {0}")]
    Decision(DecisionId),
}

/// The part of a payload before the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header<'a> {
    chain: ChainId,
    first_ordinal: u64,
    count: u32,
    from: Timestamp,
    until: Timestamp,
    filter: &'a [u8],
}

impl<'a> Header<'a> {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        bytes.extend(self.chain.as_u64().to_be_bytes());
        bytes.extend(self.first_ordinal.to_be_bytes());
        bytes.extend(self.count.to_be_bytes());
        bytes.extend(self.from.as_micros().to_be_bytes());
        bytes.extend(self.until.as_micros().to_be_bytes());
        bytes.extend(u16::try_from(self.filter.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(self.filter);
    }

    /// Reads the header; returns it with the records after it.
    fn read(payload: &'a [u8]) -> Option<(Self, Bytes<'a>)> {
        let mut bytes = Bytes(payload);
        if bytes.byte()? != VERSION {
            return None;
        }
        let header = Self {
            chain: ChainId::from_u64(u64::from_be_bytes(bytes.array()?))?,
            first_ordinal: u64::from_be_bytes(bytes.array()?),
            count: u32::from_be_bytes(bytes.array()?),
            from: Timestamp::from_micros(i64::from_be_bytes(bytes.array()?)),
            until: Timestamp::from_micros(i64::from_be_bytes(bytes.array()?)),
            filter: {
                let length = u16::from_be_bytes(bytes.array()?);
                bytes.take(usize::from(length))?
            },
        };
        Some((header, bytes))
    }
}

/// The version byte. A security event begins with another one, so neither can be passed off as the
/// other.
const VERSION: u8 = 2;

/// The size of the tag after each record, in bytes.
const TAG: usize = 8;
