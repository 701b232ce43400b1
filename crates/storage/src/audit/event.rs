//! Rows of the table `security_events`: appends sealed events as the last step of a transaction.

use std::borrow::Cow;

use diesel::prelude::*;
use portcullis_audit::{AuditKeys, EventRecord, Link, SecurityEvent, StoredContent, StoredLink};
use portcullis_domain::{AccountId, SessionId};

use crate::audit::chain;
use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::found::{self, OrDefault};
use crate::schema::security_events;
use crate::sql_type::{Instant, Key, bigint};

/// Appends events to the audit log. The lock on the chain is held until the commit, so this must
/// be the last step of the transaction; see [`Store::write_with`](crate::Store).
pub(crate) fn append(
    connection: &mut Connection,
    keys: &AuditKeys,
    events: &[SecurityEvent],
) -> Result<(), Failure> {
    let events: Vec<EventRecord> = events.iter().map(EventRecord::from).collect();
    let Some(first) = events.first() else { return Ok(()) };
    let [.., choice] = first.id.as_uuid().into_bytes();
    let mut chain = chain::hold(connection, keys, choice)?;
    let sealed: Vec<_> = events.iter().map(|event| chain.append(keys, &event.payload())).collect();
    let rows = events.iter().zip(&sealed).map(|(event, (sequence, link))| {
        NewEventRow::new(event, chain.id().as_i64(), bigint(*sequence), link)
    });
    insert(connection, &rows.collect::<Vec<_>>())?;
    chain::advance(connection, &chain)
}

/// Inserts several rows into PostgreSQL with few statements, because each statement costs a round
/// trip. A single row keeps its prepared statement.
fn insert(connection: &mut Connection, rows: &[NewEventRow<'_>]) -> Result<(), Failure> {
    match &mut connection.inner {
        Inner::Postgres(inner) if rows.len() > 1 => {
            for portion in rows.chunks(ROWS) {
                diesel::insert_into(security_events::table).values(portion).execute(inner)?;
            }
        }
        _ => {
            for row in rows {
                let insert = diesel::insert_into(security_events::table).values(row);
                dispatch!(connection, inner => insert.execute(inner))?;
            }
        }
    }
    Ok(())
}

/// The maximum of rows in one statement: PostgreSQL accepts 65,535 parameters, and a row has 14.
const ROWS: usize = 1_000;

/// A row to insert. `None` means NULL here: if it meant the default of the column, Diesel would not
/// prepare the statement.
#[derive(Insertable)]
#[diesel(table_name = security_events, treat_none_as_default_value = false)]
struct NewEventRow<'a> {
    chain: i64,
    sequence: i64,
    id: Key,
    at: Instant,
    kind: &'a str,
    actor: &'a str,
    subject: Option<Key>,
    session_id: Option<Key>,
    address: &'a str,
    user_agent: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    outcome: &'a str,
    details: Option<Cow<'a, str>>,
    link: &'a [u8],
}

impl<'a> NewEventRow<'a> {
    fn new(event: &'a EventRecord, chain: i64, sequence: i64, link: &'a Link) -> Self {
        Self {
            chain,
            sequence,
            id: event.id.into(),
            at: event.at.into(),
            kind: &event.kind,
            actor: &event.actor,
            subject: event.subject.map(Key::from),
            session_id: event.session.map(Key::from),
            address: &event.address,
            user_agent: event.user_agent.as_deref().map(Cow::from),
            request_id: event.request_id.as_deref().map(Cow::from),
            outcome: &event.outcome,
            details: event.details.as_deref().map(Cow::from),
            link: link.as_bytes(),
        }
    }
}

/// The columns of a stored event, not validated.
#[derive(Queryable, Selectable)]
#[diesel(table_name = security_events)]
pub(crate) struct EventRow {
    id: OrDefault<Key>,
    at: OrDefault<Instant>,
    kind: OrDefault<String>,
    actor: OrDefault<String>,
    subject: Option<OrDefault<Key>>,
    session_id: Option<OrDefault<Key>>,
    address: OrDefault<String>,
    user_agent: Option<OrDefault<String>>,
    request_id: Option<OrDefault<String>>,
    outcome: OrDefault<String>,
    details: Option<OrDefault<String>>,
}

impl From<EventRow> for EventRecord {
    fn from(row: EventRow) -> Self {
        let text = |found: Option<OrDefault<String>>| found.map(|OrDefault(text)| text);
        Self {
            id: row.id.0.into(),
            at: row.at.0.into(),
            kind: row.kind.0,
            actor: row.actor.0,
            subject: row.subject.map(|OrDefault(id)| AccountId::from(id)),
            session: row.session_id.map(|OrDefault(id)| SessionId::from(id)),
            address: row.address.0,
            user_agent: text(row.user_agent),
            request_id: text(row.request_id),
            outcome: row.outcome.0,
            details: text(row.details),
        }
    }
}

/// A stored event with its chain, sequence and link, not validated.
#[derive(Queryable, Selectable)]
#[diesel(table_name = security_events)]
pub(crate) struct SealedEventRow {
    chain: i64,
    sequence: i64,
    link: OrDefault<Vec<u8>>,
    #[diesel(embed)]
    event: EventRow,
}

impl SealedEventRow {
    /// The key of the row, also where it is no valid place in a chain.
    pub(crate) const fn key(&self) -> (i64, i64) {
        (self.chain, self.sequence)
    }
}

impl From<SealedEventRow> for StoredLink {
    fn from(row: SealedEventRow) -> Self {
        let (chain, sequence) = found::place(row.chain, row.sequence);
        let content = StoredContent::Event(row.event.into());
        Self { chain, sequence, link: found::link(row.link.0), content }
    }
}
