use diesel::prelude::*;
use portcullis_audit::{ChainKind, Checkpoint, Head, SecurityEvent};
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::checkpoint::CheckpointStore;
use portcullis_flows::trail::TrailStore;

use crate::chain::HeadRow;
use crate::connection::{Connection, Lock, dispatch};
use crate::database::Database;
use crate::failure::Failure;
use crate::migration::has_table;
use crate::schema::{
    audit_chains, audit_checkpointed, audit_checkpoints, decision_blocks, security_events,
};
use crate::sql_type::{Instant, bigint, natural};
use crate::store::Store;

impl Database {
    /// Whether any checkpoint is stored, whoever made it. There may be no table for them yet.
    pub fn has_checkpoints(&self) -> Result<bool, StoreError> {
        let look = diesel::select(diesel::dsl::exists(audit_checkpoints::table));
        self.read(|connection| {
            Ok(has_table(connection, "audit_checkpoints")?
                && dispatch!(connection, inner => look.get_result(inner))?)
        })
    }
}

impl CheckpointStore for Store {
    fn add_checkpoint(
        &self,
        since: Timestamp,
        make: &dyn Fn(Option<&Checkpoint>, Vec<Head>) -> Checkpoint,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.write(|connection| {
            Lock::Checkpoint.take(connection)?;
            let latest = find(connection, None)?;
            if latest.as_ref().is_some_and(|latest| latest.at() >= since) {
                return Ok(None);
            }
            let moved = moved(connection)?;
            if moved.is_empty() {
                return Ok(None);
            }
            let checkpoint = make(latest.as_ref(), moved);
            insert(connection, &checkpoint)?;
            Ok(Some(checkpoint))
        })
    }

    fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        let query = audit_checkpoints::table
            .order(audit_checkpoints::number)
            .select(audit_checkpoints::file);
        self.read(|connection| {
            let files: Vec<String> = dispatch!(connection, inner => query.load(inner))?;
            files.iter().map(|file| parse(file)).collect()
        })
    }

    fn checkpoint(&self, number: Option<u64>) -> Result<Option<Checkpoint>, StoreError> {
        self.read(|connection| find(connection, number))
    }

    fn remove_entries(&self, head: &Head, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| match head.chain.kind() {
            ChainKind::Events => remove_events(connection, head, most),
            ChainKind::Decisions => remove_blocks(connection, head, most),
        })
    }

    fn record(&self, event: &SecurityEvent) -> Result<(), StoreError> {
        TrailStore::record(self, event)
    }
}

fn find(connection: &mut Connection, number: Option<u64>) -> Result<Option<Checkpoint>, Failure> {
    let file: Option<String> = dispatch!(connection, inner => {
        let query = audit_checkpoints::table.select(audit_checkpoints::file);
        match number {
            Some(number) => query.find(bigint(number)).first(inner).optional(),
            None => query.order(audit_checkpoints::number.desc()).first(inner).optional(),
        }
    })?;
    file.as_deref().map(parse).transpose()
}

fn parse(file: &str) -> Result<Checkpoint, Failure> {
    Checkpoint::from_file(file)
        .map_err(|_| Failure::Corrupt { table: "audit_checkpoints", column: "file" })
}

/// Where the chains stand, at one moment, that moved since the latest checkpoint.
fn moved(connection: &mut Connection) -> Result<Vec<Head>, Failure> {
    let covered = audit_checkpointed::sequence.nullable();
    let query = audit_chains::table
        .left_join(audit_checkpointed::table.on(audit_checkpointed::chain.eq(audit_chains::id)))
        .filter(covered.is_null().or(covered.lt(audit_chains::sequence.nullable())));
    let rows: Vec<HeadRow> = dispatch!(connection, inner => {
        query.select(HeadRow::as_select()).load(inner)
    })?;
    Ok(rows.into_iter().filter_map(HeadRow::head).collect())
}

fn insert(connection: &mut Connection, checkpoint: &Checkpoint) -> Result<(), Failure> {
    let row = diesel::insert_into(audit_checkpoints::table).values((
        audit_checkpoints::number.eq(bigint(checkpoint.number())),
        audit_checkpoints::at.eq(Instant::from(checkpoint.at())),
        audit_checkpoints::file.eq(checkpoint.to_file()),
    ));
    dispatch!(connection, inner => row.execute(inner))?;
    for head in checkpoint.heads() {
        let sequence = audit_checkpointed::sequence.eq(bigint(head.sequence));
        let cover = diesel::insert_into(audit_checkpointed::table)
            .values((audit_checkpointed::chain.eq(head.chain.as_i64()), sequence))
            .on_conflict(audit_checkpointed::chain)
            .do_update()
            .set(sequence);
        dispatch!(connection, inner => cover.execute(inner))?;
    }
    Ok(())
}

fn remove_events(connection: &mut Connection, head: &Head, most: u32) -> Result<u64, Failure> {
    use security_events::{chain, sequence, table};
    let rows = table.filter(chain.eq(head.chain.as_i64()));
    let first = rows.select(diesel::dsl::min(sequence));
    let first: Option<i64> = dispatch!(connection, inner => first.get_result(inner))?;
    let Some(first) = first else { return Ok(0) };
    let last = first.saturating_add(most.into()).saturating_sub(1).min(bigint(head.sequence));
    let remove = diesel::delete(rows.filter(sequence.le(last)));
    Ok(u64::try_from(dispatch!(connection, inner => remove.execute(inner))?).unwrap_or(0))
}

/// Counts decisions, not blocks; a block goes whole, so there may be more of them than asked for.
fn remove_blocks(connection: &mut Connection, head: &Head, most: u32) -> Result<u64, Failure> {
    use decision_blocks::{chain, count, first_ordinal, sequence, table};
    let rows = table.filter(chain.eq(head.chain.as_i64()));
    let first = rows.select(diesel::dsl::min(first_ordinal));
    let first: Option<i64> = dispatch!(connection, inner => first.get_result(inner))?;
    let Some(first) = first else { return Ok(0) };
    let portion = rows
        .filter(sequence.le(bigint(head.sequence)))
        .filter(first_ordinal.lt(first.saturating_add(most.into())));
    let remove = diesel::delete(portion).returning(count);
    let removed: Vec<i64> = dispatch!(connection, inner => remove.get_results(inner))?;
    Ok(removed.into_iter().map(natural).sum())
}
