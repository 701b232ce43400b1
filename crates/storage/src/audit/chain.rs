//! The heads of the audit chains, table `audit_chains`: locks one chain for events and advances it.

use diesel::prelude::*;
use portcullis_audit::{AuditKeys, Chain, ChainId, Head, Link};

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::found;
use crate::prepared::Prepared;
use crate::schema::audit_chains;
use crate::sql_type::{bigint, natural};

/// The number of chains of security events.
const EVENT_CHAINS: i64 = 16;

/// Locks a free chain of security events until the transaction ends. If all chains are locked,
/// waits for the one that `choice` selects.
///
/// Takes the first free chain, not a random one: with few chains in use their indexes stay cached,
/// and checkpoints, which list the chains that moved, stay small.
pub(crate) fn hold(
    connection: &mut Connection,
    keys: &AuditKeys,
    choice: u8,
) -> Result<Chain, Failure> {
    let row = match &mut connection.inner {
        Inner::Sqlite(inner) => {
            audit_chains::table.find(0).select(HeadRow::as_select()).first(inner).optional()?
        }
        Inner::Postgres(inner) => {
            let free = audit_chains::table
                .filter(audit_chains::id.lt(EVENT_CHAINS))
                .order(audit_chains::id)
                .limit(1)
                .select(HeadRow::as_select())
                .for_no_key_update()
                .skip_locked()
                .get_result(inner)
                .optional()?;
            match free {
                Some(free) => Some(free),
                None => audit_chains::table
                    .find(i64::from(choice) % EVENT_CHAINS)
                    .select(HeadRow::as_select())
                    .for_no_key_update()
                    .first(inner)
                    .optional()?,
            }
        }
    };
    row.and_then(|row| row.resume(keys))
        .ok_or(Failure::Corrupt { table: "audit_chains", column: "link" })
}

/// Stores the new head of a chain of security events.
pub(crate) fn advance(connection: &mut Connection, chain: &Chain) -> Result<(), Failure> {
    let (sequence, link) = (bigint(chain.sequence()), chain.link());
    let advance = diesel::update(audit_chains::table.find(chain.id().as_i64())).set((
        audit_chains::sequence.eq(sequence),
        audit_chains::entries.eq(sequence),
        audit_chains::link.eq(link.as_bytes().as_slice()),
    ));
    let advanced = advance.returning(audit_chains::sequence);
    let _: i64 = dispatch!(connection, inner => Prepared(advanced).get_result(inner))?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_chains)]
pub(crate) struct HeadRow {
    id: i64,
    sequence: i64,
    entries: i64,
    link: Option<Vec<u8>>,
}

impl HeadRow {
    fn resume(self, keys: &AuditKeys) -> Option<Chain> {
        let id = ChainId::from_i64(self.id)?;
        match self.link {
            None if self.sequence == 0 => Some(Chain::genesis(id, keys)),
            None => None,
            Some(link) => {
                let link = Link::from_bytes(link.try_into().ok()?);
                Some(Chain::resume(id, u64::try_from(self.sequence).ok()?, link))
            }
        }
    }

    /// The stored head, not validated; `None` for a chain without entries.
    pub(crate) fn head(self) -> Option<Head> {
        if self.link.is_none() && self.sequence == 0 {
            return None;
        }
        Some(Head {
            chain: found::chain(self.id),
            sequence: natural(self.sequence),
            entries: natural(self.entries),
            link: found::link(self.link.unwrap_or_default()),
        })
    }
}
