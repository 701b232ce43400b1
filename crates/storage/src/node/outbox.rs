//! Appends mails to the table `outbox` within the transaction that causes them.

use std::collections::HashMap;

use diesel::prelude::*;
use portcullis_flows::effects::{Message, Recipient};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, outbox};
use crate::sql_type::{Instant, Key};

/// Appends messages within the transaction that causes them. A message to the holder of an account that
/// does not exist any more has no recipient, and is dropped.
pub(crate) fn append(connection: &mut Connection, messages: &[Message]) -> Result<(), Failure> {
    if messages.is_empty() {
        return Ok(());
    }
    let addresses = addresses_of_holders(connection, messages)?;
    let now = connection.now()?;
    let row = |message: &Message| {
        let (recipient, account) = match &message.recipient {
            Recipient::Address { email, account } => (email.as_str().to_owned(), *account),
            Recipient::Holder(account) => {
                (addresses.get(&Key::from(*account))?.clone(), Some(*account))
            }
        };
        Some(serde_json::to_string(&message.mail).map(|payload| NewMessageRow {
            id: message.id.into(),
            kind: message.mail.kind(),
            payload,
            recipient,
            account_id: account.map(Key::from),
            event_id: message.event.into(),
            created_at: message.at.into(),
            due_at: now.into(),
        }))
    };
    let rows: Vec<NewMessageRow> = messages
        .iter()
        .filter_map(row)
        .collect::<Result<_, _>>()
        .map_err(|_| Failure::Corrupt { table: "outbox", column: "payload" })?;
    let insert = diesel::insert_into(outbox::table).values(rows);
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

fn addresses_of_holders(
    connection: &mut Connection,
    messages: &[Message],
) -> Result<HashMap<Key, String>, Failure> {
    let holders: Vec<Key> = messages
        .iter()
        .filter_map(|message| match &message.recipient {
            Recipient::Holder(account) => Some(Key::from(*account)),
            Recipient::Address { .. } => None,
        })
        .collect();
    if holders.is_empty() {
        return Ok(HashMap::new());
    }
    let query = accounts::table
        .filter(accounts::id.eq_any(holders))
        .select((accounts::id, accounts::email));
    let rows: Vec<(Key, String)> = dispatch!(connection, inner => query.load(inner))?;
    Ok(rows.into_iter().collect())
}

/// A row to insert.
#[derive(Insertable)]
#[diesel(table_name = outbox)]
struct NewMessageRow {
    id: Key,
    kind: &'static str,
    payload: String,
    recipient: String,
    account_id: Option<Key>,
    event_id: Key,
    created_at: Instant,
    due_at: Instant,
}
