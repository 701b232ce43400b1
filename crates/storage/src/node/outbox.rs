//! Appends mails to the table `outbox` within the transaction that causes them.

use std::collections::HashMap;

use diesel::prelude::*;
use portcullis_domain::AccountId;
use portcullis_flows::effects::{Message, Recipient};
use portcullis_flows::node::mail::Mail;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, outbox};
use crate::sql_type::{Instant, Key};

/// Appends messages within the transaction that causes them. A message to the holder of an account that
/// does not exist any more has no recipient, and is dropped. A message to nobody is stored as delivered.
pub(crate) fn append(connection: &mut Connection, messages: &[Message]) -> Result<(), Failure> {
    if messages.is_empty() {
        return Ok(());
    }
    let addresses = addresses_of_holders(connection, messages)?;
    let now = connection.now()?;
    let row = |message: &Message| {
        let (recipient, account) = match &message.recipient {
            Recipient::Nobody => (String::new(), None),
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
            delivered_at: (message.recipient == Recipient::Nobody).then(|| now.into()),
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

/// Selects the ids of these mails, and locks their rows until the transaction ends. Every statement on several
/// rows of the outbox locks them in this order first, so two of them cannot deadlock.
macro_rules! lock_mails {
    ($connection:expr, $mails:expr) => {{
        let ids = $mails.order($crate::schema::outbox::id).select($crate::schema::outbox::id);
        match &mut $connection.inner {
            $crate::connection::Inner::Postgres(inner) => ids.for_update().load(inner),
            $crate::connection::Inner::Sqlite(inner) => ids.load(inner),
        }
    }};
}

pub(crate) use lock_mails;

/// Deletes these mails.
pub(crate) fn delete_mails(connection: &mut Connection, mails: &[Key]) -> Result<usize, Failure> {
    let gone = outbox::table.filter(outbox::id.eq_any(mails));
    Ok(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?)
}

/// Reset links of an account that wait in the outbox, locked until the transaction ends.
pub(crate) struct WaitingResetLinks(Vec<Key>);

impl WaitingResetLinks {
    /// Locks them. A delivery locks its mail before the secret of the link, so this lock precedes any change of
    /// the secrets.
    pub(crate) fn lock(connection: &mut Connection, account: AccountId) -> Result<Self, Failure> {
        let waiting = outbox::table
            .filter(outbox::account_id.eq(Key::from(account)))
            .filter(outbox::delivered_at.is_null())
            .filter(outbox::kind.eq(Mail::ResetPassword.kind()));
        Ok(Self(lock_mails!(connection, waiting)?))
    }

    /// Withdraws them: a link that is mailed after a change of the account would outlive the change.
    pub(crate) fn withdraw(self, connection: &mut Connection) -> Result<(), Failure> {
        delete_mails(connection, &self.0).map(drop)
    }
}

fn addresses_of_holders(
    connection: &mut Connection,
    messages: &[Message],
) -> Result<HashMap<Key, String>, Failure> {
    let holders: Vec<Key> = messages
        .iter()
        .filter_map(|message| match &message.recipient {
            Recipient::Holder(account) => Some(Key::from(*account)),
            Recipient::Address { .. } | Recipient::Nobody => None,
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

/// A row to insert. A value that is missing is written as NULL: the statement is the same for every row.
#[derive(Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct NewMessageRow {
    id: Key,
    kind: &'static str,
    payload: String,
    recipient: String,
    account_id: Option<Key>,
    event_id: Key,
    created_at: Instant,
    due_at: Instant,
    delivered_at: Option<Instant>,
}
