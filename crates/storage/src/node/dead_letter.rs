//! `DeadLetterStore`: messages of the outbox that are not attempted any more.

use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::node::outbox::{DeadLetter, DeadLetterStore, DeadLetters, ResentLetters};

use crate::connection::dispatch;
use crate::node::outbox::lock_mails;
use crate::node::resend::{Resend, is_over};
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

    fn resend(
        &self,
        which: DeadLetters,
        effects: EffectsOf<'_, ResentLetters>,
    ) -> Result<ResentLetters, StoreError> {
        self.write_recorded(effects, |connection| {
            let dead = outbox::table.filter(outbox::dead_at.is_not_null()).limit(AT_ONCE);
            let letters: Vec<Key> = match which {
                DeadLetters::One(id) => {
                    lock_mails!(connection, dead.filter(outbox::id.eq(Key::from(id))))?
                }
                DeadLetters::All { after: None } => lock_mails!(connection, dead)?,
                DeadLetters::All { after: Some(after) } => {
                    lock_mails!(connection, dead.filter(outbox::id.gt(Key::from(after))))?
                }
            };
            let mut due = Vec::with_capacity(letters.len());
            for letter in &letters {
                if !is_over(connection, (*letter).into())? {
                    due.push(*letter);
                }
            }
            let now = Instant::from(connection.now()?);
            let again = outbox::table.filter(outbox::id.eq_any(&due));
            let resend = diesel::update(again).set(Resend::at(now));
            dispatch!(connection, inner => resend.execute(inner))?;
            let count = |mails: usize| u64::try_from(mails).unwrap_or(u64::MAX);
            Ok(ResentLetters {
                due: count(due.len()),
                over: count(letters.len() - due.len()),
                last: letters.last().map(|last| (*last).into()),
            })
        })
    }
}

/// The maximum of dead letters that one transaction makes due.
const AT_ONCE: i64 = 500;

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
