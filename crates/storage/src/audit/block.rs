//! The row of the table `decision_blocks`, read without validation so that the verifier sees it.

use diesel::prelude::*;
use portcullis_audit::{Block, StoredContent, StoredLink};

use crate::found::{self, OrDefault};
use crate::schema::decision_blocks;
use crate::sql_type::{Instant, natural};

/// A stored block, not validated.
#[derive(Queryable, Selectable)]
#[diesel(table_name = decision_blocks)]
pub(crate) struct BlockRow {
    chain: i64,
    sequence: i64,
    first_ordinal: OrDefault<i64>,
    count: OrDefault<i64>,
    from_at: OrDefault<Instant>,
    until_at: OrDefault<Instant>,
    link: OrDefault<Vec<u8>>,
    filter: OrDefault<Vec<u8>>,
    payload: OrDefault<Vec<u8>>,
}

impl BlockRow {
    /// The key of the row, also where it is no valid place in a chain.
    pub(crate) const fn key(&self) -> (i64, i64) {
        (self.chain, self.sequence)
    }
}

impl From<BlockRow> for Block {
    fn from(row: BlockRow) -> Self {
        Self {
            chain: found::chain(row.chain),
            first_ordinal: natural(row.first_ordinal.0),
            count: row.count.0.try_into().unwrap_or(0),
            from: row.from_at.0.into(),
            until: row.until_at.0.into(),
            filter: row.filter.0,
            payload: row.payload.0,
        }
    }
}

impl From<BlockRow> for StoredLink {
    fn from(mut row: BlockRow) -> Self {
        let (chain, sequence) = found::place(row.chain, row.sequence);
        let link = found::link(std::mem::take(&mut row.link.0));
        let content = StoredContent::Block(Block { chain, ..row.into() });
        Self { chain, sequence, link, content }
    }
}
