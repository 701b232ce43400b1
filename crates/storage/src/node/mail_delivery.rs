//! `OutboxStore`: leases the mails of the outbox to a node, and records the result of each attempt.
//!
//! A claim is one conditional statement, and each later step checks the lease in its own statement, so a
//! node that was paused for longer than its lease changes nothing.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use portcullis_domain::{Email, MessageId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::node::mail::{Mail, SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::{
    Attempt, AttemptResult, ClaimedMessage, LONGEST_DELAY, LONGEST_LEASE, Lease, MessageClaim,
    NewSecret, OutboxState, OutboxStore,
};

use super::mail_secret;
use super::outbox::{delete_mails, lock_mails};
use crate::connection::{Connection, DialectSql, Inner, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, outbox};
use crate::sign_in::challenge;
use crate::sql_type::{Instant, Key, Utc, natural};
use crate::store::Store;

impl OutboxStore for Store {
    fn claim_messages(&self, claim: &MessageClaim) -> Result<Vec<ClaimedMessage>, StoreError> {
        self.write(|connection| {
            let now = connection.now()?;
            if take(connection, claim, now)? == 0 {
                ignore_far_due_times(connection, now)?;
                return Ok(Vec::new());
            }
            let rows = leased(connection, &claim.lease)?;
            let names = usernames(connection, &rows)?;
            let mut messages = Vec::with_capacity(rows.len());
            for row in rows {
                let id = row.id;
                let username = row.account_id.and_then(|account| names.get(&account).cloned());
                match row.message(username) {
                    Some(message) => messages.push(message),
                    None => bury_unreadable(connection, id, now)?,
                }
            }
            Ok(messages)
        })
    }

    fn begin_attempt(&self, attempt: &Attempt<'_>) -> Result<bool, StoreError> {
        self.write(|connection| {
            let until = Instant::from(connection.now()? + attempt.hold);
            let own = outbox::table
                .find(Key::from(attempt.message.id))
                .filter(outbox::lease.eq(attempt.lease.as_slice()));
            let begin = diesel::update(own)
                .set((outbox::leased_until.eq(until), outbox::attempts.eq(outbox::attempts + 1)));
            if dispatch!(connection, inner => begin.execute(inner))? == 0 {
                return Ok(false);
            }
            if let Some(secret) = &attempt.secret {
                let message = attempt.message;
                if !is_awaited(connection, secret)? {
                    delete_mails(connection, &[message.id.into()])?;
                    return Ok(false);
                }
                mail_secret::replace(connection, secret, &message.recipient, message.id)?;
            }
            Ok(true)
        })
    }

    fn end_attempt(
        &self,
        message: MessageId,
        lease: &Lease,
        result: &AttemptResult,
    ) -> Result<bool, StoreError> {
        self.write(|connection| {
            let now = connection.now()?;
            let own =
                outbox::table.find(Key::from(message)).filter(outbox::lease.eq(lease.as_slice()));
            let free = (outbox::lease.eq(None::<&[u8]>), outbox::leased_until.eq(None::<Instant>));
            let rows = dispatch!(connection, inner => match result {
                AttemptResult::Delivered => diesel::update(own)
                    .set((free, outbox::delivered_at.eq(Instant::from(now))))
                    .execute(inner),
                AttemptResult::Retry { after, failure } => diesel::update(own)
                    .set((
                        free,
                        outbox::due_at.eq(Instant::from(now + *after)),
                        outbox::failure.eq(failure),
                    ))
                    .execute(inner),
                AttemptResult::Dead { failure } => diesel::update(own)
                    .set((
                        free,
                        outbox::dead_at.eq(Instant::from(now)),
                        outbox::failure.eq(failure),
                    ))
                    .execute(inner),
            })?;
            Ok(rows == 1)
        })
    }

    fn release_messages(&self, lease: &Lease, messages: &[MessageId]) -> Result<(), StoreError> {
        self.write(|connection| {
            let ids = messages.iter().copied().map(Key::from);
            let own = outbox::table
                .filter(outbox::id.eq_any(ids))
                .filter(outbox::lease.eq(lease.as_slice()));
            let own: Vec<Key> = lock_mails!(connection, own)?;
            let release = diesel::update(outbox::table.filter(outbox::id.eq_any(own)))
                .set((outbox::lease.eq(None::<&[u8]>), outbox::leased_until.eq(None::<Instant>)));
            dispatch!(connection, inner => release.execute(inner))?;
            Ok(())
        })
    }

    fn outbox_state(&self) -> Result<OutboxState, StoreError> {
        self.read(|connection| {
            let waiting = outbox::table
                .filter(outbox::delivered_at.is_null())
                .filter(outbox::dead_at.is_null())
                .select((diesel::dsl::count_star(), diesel::dsl::min(outbox::created_at)));
            let (count, oldest): (i64, Option<Instant>) =
                dispatch!(connection, inner => waiting.first(inner))?;
            let dead = outbox::table.filter(outbox::dead_at.is_not_null()).count();
            let dead: i64 = dispatch!(connection, inner => dead.get_result(inner))?;
            let now = connection.now()?;
            let oldest = oldest.map(|oldest| now.since(oldest.into())).unwrap_or_default();
            Ok(OutboxState { waiting: natural(count), oldest, dead: natural(dead) })
        })
    }
}

/// Leases due messages that nobody holds. A lease that ends later than any can comes from a wrong clock.
fn take(
    connection: &mut Connection,
    claim: &MessageClaim,
    now: Timestamp,
) -> Result<usize, Failure> {
    let until = Instant::from(now + claim.hold);
    let sql = match connection.inner {
        Inner::Postgres(_) => CLAIM.postgres,
        Inner::Sqlite(_) => CLAIM.sqlite,
    };
    Ok(dispatch!(connection, inner => {
        diesel::sql_query(sql)
            .bind::<Binary, _>(claim.lease.as_slice())
            .bind::<Utc, _>(until)
            .bind::<Utc, _>(Instant::from(now))
            .bind::<Utc, _>(Instant::from(now + LONGEST_LEASE))
            .bind::<BigInt, _>(i64::from(claim.most))
            .execute(inner)
    })?)
}

/// The array makes PostgreSQL run the inner query once.
const CLAIM: DialectSql = DialectSql {
    postgres: "UPDATE outbox SET lease = $1, leased_until = $2 WHERE id = ANY (ARRAY (
            SELECT id FROM outbox
            WHERE delivered_at IS NULL AND dead_at IS NULL AND due_at <= $3
                AND (leased_until IS NULL OR leased_until <= $3 OR leased_until > $4)
            ORDER BY due_at LIMIT $5 FOR UPDATE SKIP LOCKED))",
    sqlite: "UPDATE outbox SET lease = ?1, leased_until = ?2 WHERE id IN (
            SELECT id FROM outbox
            WHERE delivered_at IS NULL AND dead_at IS NULL AND due_at <= ?3
                AND (leased_until IS NULL OR leased_until <= ?3 OR leased_until > ?4)
            ORDER BY due_at LIMIT ?5)",
};

/// Makes messages due at once whose due time is further ahead than any delay: the clock of the database
/// was wrong.
fn ignore_far_due_times(connection: &mut Connection, now: Timestamp) -> Result<(), Failure> {
    let far = outbox::table
        .filter(outbox::delivered_at.is_null())
        .filter(outbox::dead_at.is_null())
        .filter(outbox::due_at.gt(Instant::from(now + LONGEST_DELAY)));
    let far: Vec<Key> = lock_mails!(connection, far)?;
    let update = diesel::update(outbox::table.filter(outbox::id.eq_any(far)))
        .set(outbox::due_at.eq(Instant::from(now)));
    dispatch!(connection, inner => update.execute(inner))?;
    Ok(())
}

/// False for the code of a sign-in that is over.
fn is_awaited(connection: &mut Connection, secret: &NewSecret) -> Result<bool, Failure> {
    match (secret.purpose, secret.subject) {
        (SecretPurpose::SignInCode, SecretSubject::Message { message, account }) => {
            challenge::awaits_code(connection, account, message)
        }
        _ => Ok(true),
    }
}

fn leased(connection: &mut Connection, lease: &Lease) -> Result<Vec<MessageRow>, Failure> {
    let query = outbox::table.filter(outbox::lease.eq(lease.as_slice())).order(outbox::due_at);
    Ok(dispatch!(connection, inner => query.select(MessageRow::as_select()).load(inner))?)
}

fn usernames(
    connection: &mut Connection,
    rows: &[MessageRow],
) -> Result<HashMap<Key, String>, Failure> {
    let accounts: Vec<Key> = rows.iter().filter_map(|row| row.account_id).collect();
    let query = accounts::table
        .filter(accounts::id.eq_any(accounts))
        .select((accounts::id, accounts::username));
    let rows: Vec<(Key, String)> = dispatch!(connection, inner => query.load(inner))?;
    Ok(rows.into_iter().collect())
}

/// Makes a message that this version cannot read a dead letter, so that it stops no other one.
fn bury_unreadable(connection: &mut Connection, id: Key, now: Timestamp) -> Result<(), Failure> {
    let bury = diesel::update(outbox::table.find(id)).set((
        outbox::dead_at.eq(Instant::from(now)),
        outbox::failure.eq("this version of the server cannot read the message"),
        outbox::lease.eq(None::<&[u8]>),
        outbox::leased_until.eq(None::<Instant>),
    ));
    dispatch!(connection, inner => bury.execute(inner))?;
    Ok(())
}

/// A row to deliver.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct MessageRow {
    id: Key,
    payload: String,
    recipient: String,
    account_id: Option<Key>,
    created_at: Instant,
    attempts: i64,
}

impl MessageRow {
    /// `None` if the mail or its address cannot be read.
    fn message(self, username: Option<String>) -> Option<ClaimedMessage> {
        let mail: Mail = serde_json::from_str(&self.payload).ok()?;
        let subject = mail.subject(self.id.into(), self.account_id.map(Into::into));
        Some(ClaimedMessage {
            id: self.id.into(),
            recipient: Email::stored(&self.recipient).ok()?,
            username,
            at: self.created_at.into(),
            subject: mail.purpose().and(subject),
            mail,
            attempts: u32::try_from(natural(self.attempts)).unwrap_or(u32::MAX),
        })
    }
}
