//! Rows of the table `outbox`: appends messages within the transaction that causes them.

use diesel::prelude::*;
use portcullis_flows::effects::Message;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::outbox;
use crate::sql_type::{Instant, Key};

/// Appends messages within the transaction that causes them.
pub(crate) fn append(connection: &mut Connection, messages: &[Message]) -> Result<(), Failure> {
    if messages.is_empty() {
        return Ok(());
    }
    let rows: Vec<NewMessageRow> = messages.iter().map(NewMessageRow::from).collect();
    let insert = diesel::insert_into(outbox::table).values(rows);
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

/// A row to insert.
#[derive(Insertable)]
#[diesel(table_name = outbox)]
struct NewMessageRow {
    id: Key,
    kind: &'static str,
    account_id: Key,
    event_id: Key,
    created_at: Instant,
}

impl From<&Message> for NewMessageRow {
    fn from(message: &Message) -> Self {
        let Message { account, event, kind, at } = *message;
        Self {
            id: event.into(),
            kind: kind.as_str(),
            account_id: account.into(),
            event_id: event.into(),
            created_at: at.into(),
        }
    }
}
