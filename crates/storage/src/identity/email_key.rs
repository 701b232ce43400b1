//! The keys of email addresses that were accepted under a former rule.
//!
//! That rule told spellings of one domain apart, so some accounts have a key that no address gets any
//! more. Each start gives them the present one, the oldest account first, unless another account has it
//! already: two accounts are never merged, and nobody is shut out. Such an account keeps its key, is found
//! by its address as it was typed, and is named to the operator until one of the two is gone.
//!
//! A present key is ASCII, so the others are found by an index of keys that are not.

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
    /// Its user name.
    pub username: String,
    /// Its address, as stored.
    pub email: String,
    /// The user name of the account that has the present key; `None` when the address could not be
    /// registered any more.
    pub taken_by: Option<String>,
}

impl Database {
    /// The accounts that have kept a former key, oldest first, at most a hundred of them.
    pub fn former_email_keys(&self) -> Result<Vec<FormerEmailKey>, StoreError> {
        self.read(|connection| {
            let rows = page(connection, None, MAX_NAMED)?;
            rows.into_iter().map(|row| named(connection, row)).collect()
        })
    }
}

/// Gives every account the present key that can have it; answers which cannot. To be called in a
/// transaction that no other start is in.
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

/// Rows looked at in one go: of at most some 700 bytes each.
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

/// Nobody may take a key between the look for it and the update. SQLite has one writer at any time.
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
