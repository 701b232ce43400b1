//! `DecisionStore`: appends blocks of decisions, tables `decision_blocks` and `audit_chains`.

use diesel::prelude::*;
use portcullis_audit::{Block, ChainId, ChainKind, Link};
use portcullis_flows::StoreError;
use portcullis_flows::audit::recording::DecisionStore;
use portcullis_flows::effects::Effects;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::found;
use crate::prepared::Prepared;
use crate::schema::{audit_chains, decision_blocks};
use crate::sql_type::{Instant, bigint};
use crate::store::Store;

impl DecisionStore for Store {
    fn append(
        &self,
        sequence: u64,
        link: Link,
        block: &Block,
        effects: &Effects,
    ) -> Result<(), StoreError> {
        self.write_with(|connection| {
            if advance(connection, sequence, &link, block)? {
                insert(connection, sequence, &link, block)?;
                Ok(((), effects.clone()))
            } else if stored_link(connection, block.chain, sequence)? == Some(link) {
                // An earlier attempt was committed, and its response was lost.
                Ok(((), Effects::default()))
            } else {
                Err(Failure::Corrupt { table: "audit_chains", column: "sequence" })
            }
        })
    }

    fn link_at(&self, chain: ChainId, sequence: u64) -> Result<Option<Link>, StoreError> {
        self.read(|connection| stored_link(connection, chain, sequence))
    }

    fn takes_writes(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            // Chain 0 always exists; its value does not change.
            let same = audit_chains::kind.eq(audit_chains::kind);
            let touch = diesel::update(audit_chains::table.find(0)).set(same);
            dispatch!(connection, inner => touch.execute(inner))?;
            Ok(())
        })
    }
}

/// Advances the head of the chain if it is directly before the block. This one statement is the
/// whole guard.
fn advance(
    connection: &mut Connection,
    sequence: u64,
    link: &Link,
    block: &Block,
) -> Result<bool, Failure> {
    let before = block.first_ordinal.saturating_sub(1);
    let head = (
        audit_chains::sequence.eq(bigint(sequence)),
        audit_chains::entries.eq(bigint(before.saturating_add(block.count.into()))),
        audit_chains::link.eq(link.as_bytes().as_slice()),
    );
    let id = block.chain.as_i64();
    let advanced = if sequence == 1 {
        let kind = ChainKind::Decisions.as_str();
        let opened_at = Instant::from(block.from);
        let opened = (
            audit_chains::id.eq(id),
            audit_chains::kind.eq(kind),
            audit_chains::opened_at.eq(opened_at),
            head,
        );
        let open = diesel::insert_into(audit_chains::table).values(opened).on_conflict_do_nothing();
        dispatch!(connection, inner => open.execute(inner))? == 1
    } else {
        let previous = audit_chains::sequence.eq(bigint(sequence.saturating_sub(1)));
        let advance = diesel::update(audit_chains::table.find(id).filter(previous)).set(head);
        let advanced = advance.returning(audit_chains::sequence);
        let advanced: Option<i64> =
            dispatch!(connection, inner => Prepared(advanced).get_result(inner).optional())?;
        advanced.is_some()
    };
    Ok(advanced)
}

fn insert(
    connection: &mut Connection,
    sequence: u64,
    link: &Link,
    block: &Block,
) -> Result<(), Failure> {
    let insert = diesel::insert_into(decision_blocks::table).values((
        decision_blocks::chain.eq(block.chain.as_i64()),
        decision_blocks::sequence.eq(bigint(sequence)),
        decision_blocks::first_ordinal.eq(bigint(block.first_ordinal)),
        decision_blocks::count.eq(i64::from(block.count)),
        decision_blocks::from_at.eq(Instant::from(block.from)),
        decision_blocks::until_at.eq(Instant::from(block.until)),
        decision_blocks::link.eq(link.as_bytes().as_slice()),
        decision_blocks::filter.eq(block.filter.as_slice()),
        decision_blocks::payload.eq(block.payload.as_slice()),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

fn stored_link(
    connection: &mut Connection,
    chain: ChainId,
    sequence: u64,
) -> Result<Option<Link>, Failure> {
    let stored = decision_blocks::table
        .find((chain.as_i64(), bigint(sequence)))
        .select(decision_blocks::link);
    let stored: Option<Vec<u8>> = dispatch!(connection, inner => stored.first(inner).optional())?;
    Ok(stored.map(found::link))
}
