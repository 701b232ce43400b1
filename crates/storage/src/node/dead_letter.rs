//! `DeadLetterStore`: messages of the outbox that are not attempted any more.

use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::node::outbox::{DeadLetter, DeadLetterStore, DeadLetters};

use crate::connection::dispatch;
use crate::node::outbox::lock_mails;
use crate::schema::outbox;
use crate::sql_type::{Instant, Key, natural};
use crate::store::Store;

impl DeadLetterStore for Store {
    fn dead_letters(&self, most: u32) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(|connection| {
            let query = outbox::table
                .filter(outbox::dead_at.is_not_null())
                .order(outbox::dead_at.desc())
                .limit(most.into());
            let rows: Vec<DeadLetterRow> = dispatch!(connection, inner => {
                query.select(DeadLetterRow::as_select()).load(inner)
            })?;
            Ok(rows.into_iter().map(DeadLetter::from).collect())
        })
    }

    fn resend(&self, which: DeadLetters, effects: EffectsOf<'_, u64>) -> Result<u64, StoreError> {
        self.write_recorded(effects, |connection| {
            let now = Instant::from(connection.now()?);
            let due = (
                outbox::dead_at.eq(None::<Instant>),
                outbox::attempts.eq(0),
                outbox::due_at.eq(now),
            );
            let dead = outbox::table.filter(outbox::dead_at.is_not_null());
            let dead: Vec<Key> = match which {
                DeadLetters::One(id) => {
                    lock_mails!(connection, dead.filter(outbox::id.eq(Key::from(id))))?
                }
                DeadLetters::All => lock_mails!(connection, dead)?,
            };
            let resend = diesel::update(outbox::table.filter(outbox::id.eq_any(dead))).set(due);
            let rows = dispatch!(connection, inner => resend.execute(inner))?;
            Ok(u64::try_from(rows).unwrap_or(u64::MAX))
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct DeadLetterRow {
    id: Key,
    kind: String,
    recipient: String,
    created_at: Instant,
    dead_at: Option<Instant>,
    attempts: i64,
    failure: Option<String>,
}

impl From<DeadLetterRow> for DeadLetter {
    fn from(row: DeadLetterRow) -> Self {
        Self {
            id: row.id.into(),
            kind: row.kind,
            recipient: row.recipient,
            created_at: row.created_at.into(),
            dead_at: row.dead_at.unwrap_or(row.created_at).into(),
            attempts: u32::try_from(natural(row.attempts)).unwrap_or(u32::MAX),
            failure: row.failure.unwrap_or_default(),
        }
    }
}
