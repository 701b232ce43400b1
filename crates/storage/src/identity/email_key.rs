//! Renewal of email keys after a change of their rule, table `accounts`. Runs at each start.
//!
//! The former rule distinguished spellings of one domain, so some accounts have a key that no
//! address gets any more. Each start gives them the present key, oldest account first, unless
//! another account has it already: accounts are never merged, and no account loses access. An
//! account without the present key keeps its former key, is found by its address as it was typed,
//! and is reported to the operator until one of the two accounts is gone.
//!
//! A present key is ASCII, so an index of the keys that are not ASCII finds the former ones.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use portcullis_domain::{AccountId, Email};
use portcullis_flows::StoreError;

use crate::connection::{Connection, Inner, dispatch};
use crate::database::Database;
use crate::failure::Failure;
use crate::schema::accounts;
use crate::sql_type::Key;

/// An account whose address has no present key, or shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerEmailKey {
    /// The account.
    pub account: AccountId,
    /// The user name of the account.
    pub username: String,
    /// The address of the account, as stored.
    pub email: String,
    /// The user name of the account that has the present key; `None` if the address could no longer
    /// be registered.
    pub taken_by: Option<String>,
}

impl Database {
    /// Returns the accounts that keep a former key, oldest first, at most 100.
    pub fn former_email_keys(&self) -> Result<Vec<FormerEmailKey>, StoreError> {
        self.read(|connection| {
            let rows = page(connection, None, MAX_NAMED)?;
            rows.into_iter().map(|row| named(connection, row)).collect()
        })
    }
}

/// Gives every account the present key if that key is free; returns the accounts that keep a former
/// key. The caller's transaction must exclude other starts.
pub(crate) fn renew(connection: &mut Connection) -> Result<Vec<AccountId>, Failure> {
    let (mut kept, mut last, mut locked) = (Vec::new(), None, false);
    loop {
        let rows = page(connection, last, PAGE)?;
        let Some(end) = rows.last().map(|row| row.id) else { return Ok(kept) };
        last = Some(end);
        if !locked {
            lock_out_writers(connection)?;
            locked = true;
        }
        for row in rows {
            if !renew_one(connection, &row)? && kept.len() < MAX_LOGGED {
                kept.push(row.id.into());
            }
        }
    }
}

/// The maximum of rows that one statement reads, each at most about 700 bytes.
const PAGE: i64 = 500;

const MAX_NAMED: i64 = 100;

const MAX_LOGGED: usize = 20;

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct Row {
    id: Key,
    username: String,
    email: String,
}

fn page(connection: &mut Connection, after: Option<Key>, limit: i64) -> Result<Vec<Row>, Failure> {
    let is_former = match &connection.inner {
        Inner::Postgres(_) => "octet_length(email_key) <> char_length(email_key)",
        Inner::Sqlite(_) => "length(CAST(email_key AS blob)) <> length(email_key)",
    };
    let after = after.unwrap_or_else(|| Key::from(AccountId::from_uuid(uuid::Uuid::nil())));
    Ok(dispatch!(connection, inner => {
        accounts::table
            .filter(sql::<Bool>(is_former))
            .filter(accounts::id.gt(after))
            .order(accounts::id)
            .limit(limit)
            .select(Row::as_select())
            .load(inner)
    })?)
}

/// Excludes writers between the check for a key and the update. SQLite has one writer at a time
/// anyway.
fn lock_out_writers(connection: &mut Connection) -> Result<(), Failure> {
    if let Inner::Postgres(inner) = &mut connection.inner {
        inner.batch_execute("LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE")?;
    }
    Ok(())
}

fn renew_one(connection: &mut Connection, row: &Row) -> Result<bool, Failure> {
    let Ok(email) = Email::parse(&row.email) else { return Ok(false) };
    if holder(connection, &email)?.is_some() {
        return Ok(false);
    }
    let renew =
        diesel::update(accounts::table.find(row.id)).set(accounts::email_key.eq(email.key()));
    Ok(dispatch!(connection, inner => renew.execute(inner))? == 1)
}

fn named(connection: &mut Connection, row: Row) -> Result<FormerEmailKey, Failure> {
    let taken_by = match Email::parse(&row.email) {
        Ok(email) => holder(connection, &email)?,
        Err(_) => None,
    };
    let Row { id, username, email } = row;
    Ok(FormerEmailKey { account: id.into(), username, email, taken_by })
}

fn holder(connection: &mut Connection, email: &Email) -> Result<Option<String>, Failure> {
    let holder =
        accounts::table.filter(accounts::email_key.eq(email.key())).select(accounts::username);
    Ok(dispatch!(connection, inner => holder.first(inner).optional())?)
}
