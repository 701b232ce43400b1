//! `WholeAuditLogStore`: reads the whole audit log in one snapshot for verification and for the
//! archive.

use std::io;
use std::panic;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use portcullis_audit::{Head, StoredCheckpoint, StoredLink};
use portcullis_flows::StoreError;
use portcullis_flows::audit::verification::{ReadError, WholeAuditLogReader, WholeAuditLogStore};

use crate::audit::block::BlockRow;
use crate::audit::chain::HeadRow;
use crate::audit::event::SealedEventRow;
use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::schema::{audit_chains, audit_checkpoints, decision_blocks, security_events};
use crate::sql_type::natural;
use crate::store::Store;

/// The maximum of events or checkpoints that one statement reads.
const ROWS: i64 = 4096;

/// The maximum of blocks that one statement examines, and the maximum of their total size in bytes.
const BLOCKS: i64 = 256;
const BLOCK_BYTES: i64 = 4 << 20;

/// The maximum of pages that are read ahead of the reader.
const PAGES_AHEAD: usize = 2;

impl WholeAuditLogStore for Store {
    /// Reads in a separate thread, so that reading and verifying each use a processor.
    fn read_whole(&self, reader: &mut dyn WholeAuditLogReader) -> Result<(), ReadError> {
        let (sender, parts) = mpsc::sync_channel(PAGES_AHEAD);
        thread::scope(|scope| {
            let reading = scope
                .spawn(move || self.read_snapshot(|connection| send_whole(connection, &sender)));
            // This statement drops `parts`: without a receiver, the other thread ends.
            let taken = parts.into_iter().try_for_each(|part| take(part, reader));
            let read = reading.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
            taken?;
            Ok(read?)
        })
    }

    fn entries(&self) -> Result<u64, StoreError> {
        // The number of entries from the first to the last that each chain still has; no rows are
        // counted.
        let count = sql::<BigInt>(
            "SELECT CAST(coalesce(sum(sequence + 1 - coalesce(
                 (SELECT min(sequence) FROM security_events WHERE chain = audit_chains.id),
                 (SELECT min(sequence) FROM decision_blocks WHERE chain = audit_chains.id),
                 sequence + 1)), 0) AS bigint) FROM audit_chains",
        );
        let count: i64 =
            self.read(|connection| Ok(dispatch!(connection, inner => count.get_result(inner))?))?;
        Ok(natural(count))
    }
}

enum Part {
    Checkpoints(Vec<StoredCheckpoint>),
    Entries(Vec<StoredLink>),
    Heads(Vec<Head>),
}

fn take(part: Part, reader: &mut dyn WholeAuditLogReader) -> io::Result<()> {
    match part {
        Part::Checkpoints(checkpoints) => reader.checkpoints(checkpoints),
        Part::Entries(entries) => entries.into_iter().try_for_each(|entry| reader.entry(entry)),
        Part::Heads(heads) => reader.heads(heads),
    }
}

/// Sends the whole audit log, or stops when the receiver is gone.
fn send_whole(connection: &mut Connection, parts: &SyncSender<Part>) -> Result<(), Failure> {
    if let Inner::Postgres(inner) = &mut connection.inner {
        // Between two pages the reader may write to a slow destination.
        inner.batch_execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")?;
    }
    let checkpoints = checkpoints(connection)?;
    if parts.send(Part::Checkpoints(checkpoints)).is_err()
        || !send_pages(connection, parts, events)?
        || !send_pages(connection, parts, blocks)?
    {
        return Ok(());
    }
    let heads = heads(connection)?;
    let _nobody_takes_it = parts.send(Part::Heads(heads));
    Ok(())
}

/// The key of a stored entry, also where it is no valid place in a chain.
type RowKey = (i64, i64);

struct Page {
    entries: Vec<StoredLink>,
    /// The last row of the page; `None` at the end.
    last: Option<RowKey>,
}

/// Sends all pages; returns `false` when the receiver is gone.
fn send_pages(
    connection: &mut Connection,
    parts: &SyncSender<Part>,
    page: fn(&mut Connection, RowKey) -> Result<Page, Failure>,
) -> Result<bool, Failure> {
    let mut after = Some((i64::MIN, i64::MIN));
    while let Some(key) = after {
        let Page { entries, last } = page(connection, key)?;
        after = last;
        if parts.send(Part::Entries(entries)).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads the next page of events.
fn events(connection: &mut Connection, (chain, sequence): RowKey) -> Result<Page, Failure> {
    let page = security_events::table
        .filter(
            sql::<Bool>("(chain, sequence) > (")
                .bind::<BigInt, _>(chain)
                .sql(", ")
                .bind::<BigInt, _>(sequence)
                .sql(")"),
        )
        .order((security_events::chain, security_events::sequence))
        .limit(ROWS);
    let rows: Vec<SealedEventRow> = dispatch!(connection, inner => {
        page.select(SealedEventRow::as_select()).load(inner)
    })?;
    let last = rows.last().map(SealedEventRow::key);
    Ok(Page { entries: rows.into_iter().map(StoredLink::from).collect(), last })
}

/// Reads the next page of blocks, limited by their total size.
fn blocks(connection: &mut Connection, (chain, sequence): RowKey) -> Result<Page, Failure> {
    let after = |chain: i64, sequence: i64| {
        sql::<Bool>("(chain, sequence) > (")
            .bind::<BigInt, _>(chain)
            .sql(", ")
            .bind::<BigInt, _>(sequence)
            .sql(")")
    };
    let order = (decision_blocks::chain, decision_blocks::sequence);
    let sizes = decision_blocks::table
        .filter(after(chain, sequence))
        .order(order)
        .limit(BLOCKS)
        .select((order, sql::<BigInt>("CAST(length(payload) AS bigint)")));
    let sizes: Vec<(RowKey, i64)> = dispatch!(connection, inner => sizes.load(inner))?;
    let mut bytes = 0_i64;
    let small = sizes.iter().take_while(|(_, size)| {
        let goes_on = bytes < BLOCK_BYTES;
        bytes = bytes.saturating_add(*size);
        goes_on
    });
    let count = i64::try_from(small.count()).unwrap_or(1);
    let page = decision_blocks::table.filter(after(chain, sequence)).order(order).limit(count);
    let rows: Vec<BlockRow> = dispatch!(connection, inner => {
        page.select(BlockRow::as_select()).load(inner)
    })?;
    let last = rows.last().map(BlockRow::key);
    Ok(Page { entries: rows.into_iter().map(StoredLink::from).collect(), last })
}

fn checkpoints(connection: &mut Connection) -> Result<Vec<StoredCheckpoint>, Failure> {
    let mut checkpoints = Vec::new();
    let mut after = Some(i64::MIN);
    while let Some(last) = after {
        let page = audit_checkpoints::table
            .filter(audit_checkpoints::number.gt(last))
            .order(audit_checkpoints::number)
            .limit(ROWS)
            .select((audit_checkpoints::number, audit_checkpoints::file));
        let rows: Vec<(i64, String)> = dispatch!(connection, inner => page.load(inner))?;
        after = rows.last().map(|(number, _)| *number);
        let stored = |(number, file)| StoredCheckpoint { number: natural(number), file };
        checkpoints.extend(rows.into_iter().map(stored));
    }
    Ok(checkpoints)
}

fn heads(connection: &mut Connection) -> Result<Vec<Head>, Failure> {
    let query = audit_chains::table.order(audit_chains::id);
    let rows: Vec<HeadRow> = dispatch!(connection, inner => {
        query.select(HeadRow::as_select()).load(inner)
    })?;
    Ok(rows.into_iter().filter_map(HeadRow::head).collect())
}
