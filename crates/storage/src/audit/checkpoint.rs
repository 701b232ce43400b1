//! `CheckpointStore`: makes, reads and purges by checkpoints, tables `audit_checkpoints` and
//! `audit_checkpointed`. A purge deletes from `security_events` and `decision_blocks`, and takes back the counts
//! of deleted sign-ins.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use portcullis_audit::{
    ChainKind, Checkpoint, CheckpointTrust, Coverage, Head, RebuiltCoverage, SecurityEvent,
    StoredCheckpoint,
};
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::audit::checkpoint::{CheckpointState, CheckpointStore};
use portcullis_flows::audit::trail::AuditLogStore;

use crate::audit::chain::HeadRow;
use crate::audit::sign_in_statistics;
use crate::connection::{Connection, Lock, dispatch};
use crate::database::Database;
use crate::failure::Failure;
use crate::found;
use crate::migration::has_table;
use crate::schema::{
    audit_chains, audit_checkpointed, audit_checkpoints, decision_blocks, security_events,
};
use crate::sql_type::{Instant, bigint, natural};
use crate::store::Store;

/// The maximum of checkpoint numbers that one statement reads.
const PAGE: i64 = 64;

/// The maximum length of a checkpoint text, in bytes. A checkpoint takes about 200 bytes for each
/// chain that it lists.
const MAX_FILE_LENGTH: i64 = 16 << 20;

impl Database {
    /// Returns whether any checkpoint is stored, verified or not. The table may not exist yet.
    pub fn has_checkpoints(&self) -> Result<bool, StoreError> {
        let any = audit_checkpoints::table.select(audit_checkpoints::number);
        let look = diesel::select(diesel::dsl::exists(any));
        self.read(|connection| {
            Ok(has_table(connection, "audit_checkpoints")?
                && dispatch!(connection, inner => look.get_result(inner))?)
        })
    }
}

impl CheckpointStore for Store {
    fn add_checkpoint(
        &self,
        is_signed: &dyn Fn(&Checkpoint) -> bool,
        make: &mut dyn FnMut(CheckpointState) -> Option<Checkpoint>,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.write(|connection| {
            Lock::Checkpoint.take(connection)?;
            let checkpoint_state = checkpoint_state(connection, is_signed)?;
            let is_proven = checkpoint_state.is_proven;
            let Some(checkpoint) = make(checkpoint_state) else { return Ok(None) };
            insert(connection, &checkpoint, is_proven)?;
            Ok(Some(checkpoint))
        })
    }

    fn checkpoint_state(
        &self,
        is_signed: &dyn Fn(&Checkpoint) -> bool,
    ) -> Result<CheckpointState, StoreError> {
        self.read_snapshot(|connection| checkpoint_state(connection, is_signed))
    }

    fn walk_back(
        &self,
        visit: &mut dyn FnMut(StoredCheckpoint) -> bool,
    ) -> Result<Timestamp, StoreError> {
        let mut most = i64::MAX;
        while let Some(next) = self.read(|connection| page(connection, most, &mut *visit))? {
            most = next;
        }
        self.read(Connection::now)
    }

    fn checkpoint(&self, number: u64) -> Result<Option<Checkpoint>, StoreError> {
        let Ok(number) = i64::try_from(number) else { return Ok(None) };
        let file = self.read(|connection| file(connection, number))?;
        Ok(file.and_then(|file| Checkpoint::from_file(&file).ok()))
    }

    fn remove_entries(&self, head: &Head, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| match head.chain.kind() {
            ChainKind::Events => remove_events(connection, head, most),
            ChainKind::Decisions => remove_blocks(connection, head, most),
        })
    }

    fn record(&self, event: &SecurityEvent) -> Result<(), StoreError> {
        AuditLogStore::record(self, event)
    }
}

/// Passes all stored checkpoints to `visit`, from the latest to the first, until `visit` returns
/// `false`.
fn walk_back(
    connection: &mut Connection,
    visit: &mut dyn FnMut(StoredCheckpoint) -> bool,
) -> Result<(), Failure> {
    let mut most = i64::MAX;
    while let Some(next) = page(connection, most, visit)? {
        most = next;
    }
    Ok(())
}

/// Passes the checkpoints up to the number `most` to `visit`, one text at a time. Returns the
/// number to continue from; `None` at the end or when `visit` returns `false`.
fn page(
    connection: &mut Connection,
    most: i64,
    visit: &mut dyn FnMut(StoredCheckpoint) -> bool,
) -> Result<Option<i64>, Failure> {
    let query = audit_checkpoints::table
        .filter(audit_checkpoints::number.le(most))
        .order(audit_checkpoints::number.desc())
        .limit(PAGE)
        .select(audit_checkpoints::number);
    let numbers: Vec<i64> = dispatch!(connection, inner => query.load(inner))?;
    let next = numbers.last().and_then(|last| last.checked_sub(1));
    for number in numbers {
        let file = file(connection, number)?.unwrap_or_default();
        if !visit(StoredCheckpoint { number: natural(number), file }) {
            return Ok(None);
        }
    }
    Ok(next)
}

fn file(connection: &mut Connection, number: i64) -> Result<Option<String>, Failure> {
    let query = audit_checkpoints::table
        .find(number)
        .filter(sql::<Bool>("length(file) <= ").bind::<BigInt, _>(MAX_FILE_LENGTH))
        .select(audit_checkpoints::file);
    Ok(dispatch!(connection, inner => query.first(inner).optional())?)
}

/// Reads the inputs of the next checkpoint. Except for the current heads of the chains, everything
/// taken from the tables is proven by a trusted checkpoint.
fn checkpoint_state(
    connection: &mut Connection,
    is_signed: &dyn Fn(&Checkpoint) -> bool,
) -> Result<CheckpointState, Failure> {
    let (mut latest, mut refused, mut unknown) = (None, None, None);
    let mut trust = CheckpointTrust::new(is_signed);
    walk_back(connection, &mut |stored| {
        latest = trust.of(stored.number, &stored.file);
        if latest.is_none() {
            refused = Some(stored.number);
            unknown = unknown.take().or_else(|| Checkpoint::from_file(&stored.file).ok());
        }
        latest.is_none() && trust.refused() < CheckpointState::MAX_REFUSED
    })?;
    let copy = copy(connection)?;
    let (covered, is_proven) = match &latest {
        None => (Coverage::default(), false),
        Some(latest) if latest.coverage() == Some(copy.digest()) => (copy, true),
        Some(_) => (rebuilt(connection, is_signed)?, false),
    };
    let number = free_number(connection, latest.as_ref().map_or(0, Checkpoint::number))?;
    let heads = heads(connection)?;
    let now = connection.now()?;
    let unknown = unknown.filter(|_| latest.is_none());
    Ok(CheckpointState { now, number, latest, refused, unknown, covered, is_proven, heads })
}

/// Rebuilds the heads that the latest checkpoint covers from all trusted checkpoints.
fn rebuilt(
    connection: &mut Connection,
    is_signed: &dyn Fn(&Checkpoint) -> bool,
) -> Result<Coverage, Failure> {
    let (mut rebuilt, mut trust) = (RebuiltCoverage::default(), CheckpointTrust::new(is_signed));
    walk_back(connection, &mut |stored| {
        let believed = trust.of(stored.number, &stored.file);
        believed.is_none_or(|checkpoint| rebuilt.take(&checkpoint))
    })?;
    Ok(rebuilt.finish().0)
}

/// Returns the smallest number after `after` that no row has.
fn free_number(connection: &mut Connection, after: u64) -> Result<u64, Failure> {
    let mut free = after.saturating_add(1);
    loop {
        let taken = audit_checkpoints::table
            .filter(audit_checkpoints::number.ge(bigint(free)))
            .order(audit_checkpoints::number)
            .limit(PAGE)
            .select(audit_checkpoints::number);
        let taken: Vec<i64> = dispatch!(connection, inner => taken.load(inner))?;
        let before = free;
        for number in taken {
            if natural(number) != free {
                return Ok(free);
            }
            free = free.saturating_add(1);
        }
        if free == before {
            return Ok(free);
        }
    }
}

/// Reads the copy of the heads that the latest checkpoint covers. The copy is not verified.
fn copy(connection: &mut Connection) -> Result<Coverage, Failure> {
    type Row = (i64, i64, Option<i64>, Option<Vec<u8>>);
    let query = audit_checkpointed::table.select((
        audit_checkpointed::chain,
        audit_checkpointed::sequence,
        audit_checkpointed::entries,
        audit_checkpointed::link,
    ));
    let rows: Vec<Row> = dispatch!(connection, inner => query.load(inner))?;
    let head = |(chain, sequence, entries, link): Row| Head {
        chain: found::chain(chain),
        sequence: natural(sequence),
        entries: natural(entries.unwrap_or_default()),
        link: found::link(link.unwrap_or_default()),
    };
    Ok(rows.into_iter().map(head).collect())
}

/// Reads the current heads of all chains in one statement.
fn heads(connection: &mut Connection) -> Result<Vec<Head>, Failure> {
    let rows: Vec<HeadRow> = dispatch!(connection, inner => {
        audit_chains::table.select(HeadRow::as_select()).load(inner)
    })?;
    Ok(rows.into_iter().filter_map(HeadRow::head).collect())
}

/// Stores the checkpoint and its heads in the copy. A copy that was not proven is replaced.
fn insert(
    connection: &mut Connection,
    checkpoint: &Checkpoint,
    is_proven: bool,
) -> Result<(), Failure> {
    let row = diesel::insert_into(audit_checkpoints::table).values((
        audit_checkpoints::number.eq(bigint(checkpoint.number())),
        audit_checkpoints::at.eq(Instant::from(checkpoint.at())),
        audit_checkpoints::file.eq(checkpoint.to_file()),
    ));
    dispatch!(connection, inner => row.execute(inner))?;
    if !is_proven {
        let all = diesel::delete(audit_checkpointed::table);
        dispatch!(connection, inner => all.execute(inner))?;
    }
    for head in checkpoint.heads() {
        let (sequence, entries) = (bigint(head.sequence), bigint(head.entries));
        let stands = (
            audit_checkpointed::sequence.eq(sequence),
            audit_checkpointed::entries.eq(entries),
            audit_checkpointed::link.eq(head.link.as_bytes().as_slice()),
        );
        let cover = diesel::insert_into(audit_checkpointed::table)
            .values((audit_checkpointed::chain.eq(head.chain.as_i64()), stands))
            .on_conflict(audit_checkpointed::chain)
            .do_update()
            .set(stands);
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
    let removed = sign_in_statistics::forget(connection, head.chain.as_i64(), last)?;
    Ok(u64::try_from(removed).unwrap_or(0))
}

/// Counts decisions, not blocks. Blocks are removed whole, so the count may exceed `most`.
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
