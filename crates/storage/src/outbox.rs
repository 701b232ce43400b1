use diesel::prelude::*;
use portcullis_audit::SecurityEvent;
use portcullis_domain::AccountId;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::outbox;
use crate::sql_type::{Instant, Key};

/// Queues a message to the holder of the account about what the event tells, in the transaction that
/// records it. It has the event's own id: no event is told twice.
pub(crate) fn queue(
    connection: &mut Connection,
    account: AccountId,
    event: &SecurityEvent,
) -> Result<(), Failure> {
    let insert = diesel::insert_into(outbox::table).values((
        outbox::id.eq(Key::from(event.id)),
        outbox::kind.eq(event.kind.as_str()),
        outbox::account_id.eq(Key::from(account)),
        outbox::event_id.eq(Key::from(event.id)),
        outbox::created_at.eq(Instant::from(event.at)),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}
