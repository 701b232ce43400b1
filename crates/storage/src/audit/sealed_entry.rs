//! `SealedEntryStore`: one entry of a chain, tables `security_events` and `decision_blocks`.

use diesel::prelude::*;
use portcullis_audit::{ChainId, ChainKind, DecisionId, EntryId, Link, StoredContent, StoredLink};
use portcullis_domain::EventId;
use portcullis_flows::StoreError;
use portcullis_flows::audit::entry_proof::{SealedEntry, SealedEntryStore};
use portcullis_flows::audit::trail::AuditLogError;

use crate::audit::event::SealedEventRow;
use crate::audit::trail::{block_row, may_hold};
use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::found::{self, OrDefault};
use crate::schema::{decision_blocks, security_events};
use crate::sql_type::{Key, bigint};
use crate::store::Store;

impl SealedEntryStore for Store {
    fn sealed_entry(&self, id: EntryId) -> Result<Option<SealedEntry>, AuditLogError> {
        match id {
            EntryId::Event(id) => {
                Ok(self.read_snapshot(|connection| sealed_event(connection, id))?)
            }
            EntryId::Decision(id) => {
                self.read_snapshot(|connection| sealed_block(connection, id))?
            }
        }
    }

    fn link_at(&self, chain: ChainId, sequence: u64) -> Result<Option<Link>, StoreError> {
        self.read(|connection| link(connection, chain, sequence))
    }
}

fn sealed_event(connection: &mut Connection, id: EventId) -> Result<Option<SealedEntry>, Failure> {
    let query = security_events::table.filter(security_events::id.eq(Key::from(id)));
    let row: Option<SealedEventRow> = dispatch!(connection, inner => {
        query.select(SealedEventRow::as_select()).first(inner).optional()
    })?;
    let Some(stored) = row.map(StoredLink::from) else { return Ok(None) };
    let (chain, sequence) = (stored.chain, stored.sequence);
    let before = sequence.saturating_sub(1);
    Ok(Some(SealedEntry {
        before: link(connection, chain, before)?,
        previous: event_at(connection, chain, before)?,
        next: event_at(connection, chain, sequence.saturating_add(1))?,
        stored,
    }))
}

fn event_at(
    connection: &mut Connection,
    chain: ChainId,
    sequence: u64,
) -> Result<Option<EntryId>, Failure> {
    let query =
        security_events::table.find((chain.as_i64(), bigint(sequence))).select(security_events::id);
    let found: Option<OrDefault<Key>> =
        dispatch!(connection, inner => query.first(inner).optional())?;
    Ok(found.map(|OrDefault(id)| EntryId::Event(id.into())))
}

/// The ordinals of a chain have no gaps, so the decisions around the wanted one are known by the blocks.
fn sealed_block(
    connection: &mut Connection,
    decision: DecisionId,
) -> Result<Result<Option<SealedEntry>, AuditLogError>, Failure> {
    let stored = match block_row(connection, decision)? {
        Ok(row) => row.map(StoredLink::from),
        Err(too_large) => return Ok(Err(too_large)),
    };
    let Some(stored) = stored else { return Ok(Ok(None)) };
    let StoredContent::Block(block) = &stored.content else { return Ok(Ok(None)) };
    if !may_hold(block, decision) {
        return Ok(Ok(None));
    }
    let (chain, sequence) = (stored.chain, stored.sequence);
    let before = link(connection, chain, sequence.saturating_sub(1))?;
    let after = link(connection, chain, sequence.saturating_add(1))?;
    let at = |ordinal| EntryId::Decision(DecisionId { ordinal, ..decision });
    let (previous, next) = (decision.ordinal.saturating_sub(1), decision.ordinal.saturating_add(1));
    let is_first = decision.ordinal <= block.first_ordinal;
    let is_last = next >= block.first_ordinal.saturating_add(u64::from(block.count));
    Ok(Ok(Some(SealedEntry {
        previous: (!is_first || before.is_some()).then(|| at(previous)),
        next: (!is_last || after.is_some()).then(|| at(next)),
        before,
        stored,
    })))
}

fn link(
    connection: &mut Connection,
    chain: ChainId,
    sequence: u64,
) -> Result<Option<Link>, Failure> {
    let place = (chain.as_i64(), bigint(sequence));
    let bytes: Option<OrDefault<Vec<u8>>> = match chain.kind() {
        ChainKind::Events => {
            let query = security_events::table.find(place).select(security_events::link);
            dispatch!(connection, inner => query.first(inner).optional())?
        }
        ChainKind::Decisions => {
            let query = decision_blocks::table.find(place).select(decision_blocks::link);
            dispatch!(connection, inner => query.first(inner).optional())?
        }
    };
    Ok(bytes.map(|OrDefault(bytes)| found::link(bytes)))
}
