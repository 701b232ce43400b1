use diesel::prelude::*;
use portcullis_flows::event::SecurityEvent;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::security_events;
use crate::sql_type::{Instant, Key};

/// Appends to the audit trail, inside the transaction of what the event describes.
pub(crate) fn record(connection: &mut Connection, event: &SecurityEvent) -> Result<(), Failure> {
    let row = EventRow {
        id: event.id.into(),
        at: event.at.into(),
        kind: event.kind.as_str(),
        subject: event.subject.map(Key::from),
        session_id: event.session.map(Key::from),
        address: event.origin.address.to_string(),
        user_agent: event.origin.user_agent.as_deref(),
        outcome: event.outcome.as_str(),
    };
    let insert = diesel::insert_into(security_events::table).values(row);
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

#[derive(Insertable)]
#[diesel(table_name = security_events)]
struct EventRow<'a> {
    id: Key,
    at: Instant,
    kind: &'a str,
    subject: Option<Key>,
    session_id: Option<Key>,
    address: String,
    user_agent: Option<&'a str>,
    outcome: &'a str,
}
