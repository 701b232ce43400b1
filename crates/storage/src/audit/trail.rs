//! `AuditLogStore`: searches and exports of the audit log, tables `security_events` and
//! `decision_blocks`. Refreshes are read from `refresh_tokens`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use portcullis_audit::{Actor, Block, DecisionId, EventRecord, Filter, Outcome, SecurityEvent};
use portcullis_domain::{EventId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::audit::trail::{
    AuditLogError, AuditLogStore, BlockPage, BlockPosition, MAX_BLOCK_BYTES, MAX_BLOCK_SPAN,
};

use crate::audit::block::BlockRow;
use crate::audit::event::EventRow;
use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::found::{self, OrDefault};
use crate::schema::{decision_blocks, security_events};
use crate::sql_type::{Id, Instant, Key, Utc, bigint, natural};
use crate::store::Store;

mod refresh;

/// The size of a page of blocks, in bytes: the block that reaches it is the last of the page.
const MAX_BYTES: i64 = 4 << 20;

impl AuditLogStore for Store {
    fn events(
        &self,
        filter: &Filter,
        before: Option<(Timestamp, Option<EventId>)>,
        most: u32,
    ) -> Result<Vec<EventRecord>, StoreError> {
        if !filter.may_match_events() {
            return Ok(Vec::new());
        }
        let (rows, refreshes) = self.read_snapshot(|connection| {
            let refreshes = match filter.may_match_refreshes_of() {
                Some(account) => refresh::of_account(connection, account, filter, before, most)?,
                None => Vec::new(),
            };
            Ok((events(connection, filter, before, most)?, refreshes))
        })?;
        let mut records: Vec<_> = rows.into_iter().map(EventRecord::from).collect();
        if !refreshes.is_empty() {
            records.extend(refreshes);
            records.sort_unstable_by_key(|record| Reverse((record.at, record.id)));
            records.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        Ok(records)
    }

    fn blocks(
        &self,
        filter: &Filter,
        latest: Option<Timestamp>,
        start: Option<BlockPosition>,
        most: u32,
    ) -> Result<BlockPage, AuditLogError> {
        if !filter.may_match_decisions() {
            return Ok(BlockPage::default());
        }
        self.read_snapshot(|connection| {
            let outlines = outlines(connection, filter, latest, start, most)?;
            let is_full = outlines.len() >= usize::try_from(most).unwrap_or(usize::MAX);
            let last = outlines.last().filter(|_| is_full).map(Outline::place);
            let (wanted, cut) = match fill(&outlines, filter) {
                Ok(filled) => filled,
                Err(too_large) => return Ok(Err(too_large)),
            };
            let blocks = payloads(connection, &wanted)?;
            Ok(Ok(BlockPage { blocks, next: cut.or(last) }))
        })?
    }

    fn block_with(&self, decision: DecisionId) -> Result<Option<Block>, AuditLogError> {
        let row = self.read_snapshot(|connection| block_row(connection, decision))??;
        Ok(row.map(Block::from).filter(|block| may_hold(block, decision)))
    }

    fn record(&self, event: &SecurityEvent) -> Result<(), StoreError> {
        self.write_with(|_| Ok(((), event.clone().into())))
    }
}

/// Reads the last block that begins with this decision or before it, unless it is too large.
pub(super) fn block_row(
    connection: &mut Connection,
    decision: DecisionId,
) -> Result<Result<Option<BlockRow>, AuditLogError>, Failure> {
    let Ok(ordinal) = i64::try_from(decision.ordinal) else { return Ok(Ok(None)) };
    let last_before = decision_blocks::table
        .filter(decision_blocks::chain.eq(decision.chain.as_i64()))
        .filter(decision_blocks::first_ordinal.le(ordinal))
        .order(decision_blocks::first_ordinal.desc());
    let outline: Option<Outline> = dispatch!(connection, inner => {
        last_before.select(outline_columns()).first(inner).optional()
    })?;
    match outline {
        Some(outline) if outline.is_too_large() => return Ok(Err(outline.too_large())),
        _ => {}
    }
    Ok(Ok(dispatch!(connection, inner => {
        last_before.select(BlockRow::as_select()).first(inner).optional()
    })?))
}

/// True if the columns of the block say that it holds the decision.
pub(super) fn may_hold(block: &Block, decision: DecisionId) -> bool {
    decision.ordinal.saturating_sub(block.first_ordinal) < u64::from(block.count)
}

fn events(
    connection: &mut Connection,
    filter: &Filter,
    before: Option<(Timestamp, Option<EventId>)>,
    most: u32,
) -> Result<Vec<EventRow>, Failure> {
    use security_events::{actor, address, at, id, kind, outcome, subject};
    Ok(dispatch!(connection, inner => {
        let mut query = security_events::table
            .select(EventRow::as_select())
            .order((at.desc(), id.desc()))
            .limit(most.into())
            .into_boxed();
        if let Some((before, None)) = before {
            query = query.filter(at.le(Instant::from(before)));
        }
        if let Some((before, Some(last))) = before {
            query = query.filter(
                sql::<Bool>("(at, id) < (")
                    .bind::<Utc, _>(Instant::from(before))
                    .sql(", ")
                    .bind::<Id, _>(Key::from(last))
                    .sql(")"),
            );
        }
        if let Some(from) = filter.from {
            query = query.filter(at.ge(Instant::from(from)));
        }
        if let Some(until) = filter.until {
            query = query.filter(at.lt(Instant::from(until)));
        }
        if let Some(wanted) = filter.kind {
            query = query.filter(kind.eq(wanted.as_str()));
        }
        if let Some(wanted) = filter.outcome {
            query = query.filter(outcome.eq(wanted.as_str()));
            if wanted != Outcome::Success {
                // The databases use the index of the other outcomes only if the statement names its condition.
                query = query.filter(sql::<Bool>("outcome <> 'success'"));
            }
        }
        if let Some(wanted) = filter.actor {
            query = query.filter(actor.eq(Actor::Account(wanted).to_string()));
        }
        if let Some(wanted) = filter.subject {
            query = query.filter(subject.eq(Key::from(wanted)));
        }
        if let Some(wanted) = filter.address {
            query = query.filter(address.eq(wanted.to_string()));
        }
        query.load(inner)
    })?)
}

/// The columns of a block without its payload.
#[derive(Queryable)]
struct Outline {
    chain: i64,
    sequence: i64,
    first_ordinal: i64,
    from_at: Instant,
    until_at: Instant,
    filter: OrDefault<Vec<u8>>,
    bytes: i64,
}

impl Outline {
    fn place(&self) -> BlockPosition {
        BlockPosition {
            until: self.until_at.into(),
            chain: found::chain(self.chain),
            first_ordinal: natural(self.first_ordinal),
        }
    }

    fn is_too_large(&self) -> bool {
        natural(self.bytes) > MAX_BLOCK_BYTES
    }

    fn too_large(&self) -> AuditLogError {
        let (from, until) = (self.from_at.into(), self.until_at.into());
        AuditLogError::TooLarge { from, until, bytes: natural(self.bytes) }
    }

    fn may_match(&self, filter: &Filter) -> bool {
        filter.may_match_block(self.from_at.into(), self.until_at.into(), &self.filter.0)
    }
}

/// The columns of an [`Outline`].
type OutlineColumns = (
    decision_blocks::chain,
    decision_blocks::sequence,
    decision_blocks::first_ordinal,
    decision_blocks::from_at,
    decision_blocks::until_at,
    decision_blocks::filter,
    SqlLiteral<BigInt>,
);

fn outline_columns() -> OutlineColumns {
    (
        decision_blocks::chain,
        decision_blocks::sequence,
        decision_blocks::first_ordinal,
        decision_blocks::from_at,
        decision_blocks::until_at,
        decision_blocks::filter,
        sql("CAST(length(payload) AS bigint)"),
    )
}

/// Returns the next outlines in descending order of their places. No block is longer than
/// `MAX_BLOCK_SPAN`, so a limit on its begin also limits its end, which is the order of the index.
fn outlines(
    connection: &mut Connection,
    filter: &Filter,
    latest: Option<Timestamp>,
    start: Option<BlockPosition>,
    most: u32,
) -> Result<Vec<Outline>, Failure> {
    use decision_blocks::{chain, first_ordinal, from_at, until_at};
    Ok(dispatch!(connection, inner => {
        let mut query = decision_blocks::table
            .select(outline_columns())
            .order((until_at.desc(), chain.desc(), first_ordinal.desc()))
            .limit(most.into())
            .into_boxed();
        if let Some(start) = start {
            query = query.filter(
                sql::<Bool>("(until_at, chain, first_ordinal) < (")
                    .bind::<Utc, _>(Instant::from(start.until))
                    .sql(", ")
                    .bind::<BigInt, _>(start.chain.as_i64())
                    .sql(", ")
                    .bind::<BigInt, _>(bigint(start.first_ordinal))
                    .sql(")"),
            );
        }
        if let Some(from) = filter.from {
            query = query.filter(until_at.ge(Instant::from(from)));
        }
        for begin in [latest, filter.until].into_iter().flatten() {
            query = query
                .filter(from_at.le(Instant::from(begin)))
                .filter(until_at.le(Instant::from(begin + MAX_BLOCK_SPAN)));
        }
        query.load(inner)
    })?)
}

/// Selects blocks that may match until their total size is reached, and then also returns the place
/// to continue from. Stops before a block that is too large, so that newer entries are read first.
fn fill<'o>(
    outlines: &'o [Outline],
    filter: &Filter,
) -> Result<(Vec<&'o Outline>, Option<BlockPosition>), AuditLogError> {
    let mut wanted: Vec<&Outline> = Vec::new();
    let mut bytes = 0_i64;
    for outline in outlines.iter().filter(|outline| outline.may_match(filter)) {
        if outline.is_too_large() {
            let Some(last) = wanted.last() else { return Err(outline.too_large()) };
            let next = Some(last.place());
            return Ok((wanted, next));
        }
        wanted.push(outline);
        bytes = bytes.saturating_add(outline.bytes);
        if bytes >= MAX_BYTES {
            return Ok((wanted, Some(outline.place())));
        }
    }
    Ok((wanted, None))
}

/// Reads the selected blocks with their payloads, in the same order.
fn payloads(connection: &mut Connection, wanted: &[&Outline]) -> Result<Vec<Block>, Failure> {
    let mut chains: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for outline in wanted {
        chains.entry(outline.chain).or_default().push(outline.sequence);
    }
    let mut blocks = Vec::with_capacity(wanted.len());
    for (chain, sequences) in chains {
        let query = decision_blocks::table
            .filter(decision_blocks::chain.eq(chain))
            .filter(decision_blocks::sequence.eq_any(sequences));
        let rows: Vec<BlockRow> = dispatch!(connection, inner => {
            query.select(BlockRow::as_select()).load(inner)
        })?;
        blocks.extend(rows.into_iter().map(Block::from));
    }
    blocks.sort_by_key(|block| {
        let Block { until, chain, first_ordinal, .. } = *block;
        std::cmp::Reverse(BlockPosition { until, chain, first_ordinal })
    });
    Ok(blocks)
}
