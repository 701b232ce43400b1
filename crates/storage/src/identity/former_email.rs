//! Former addresses of accounts, table `former_emails`: each can take the account back from the addresses that
//! replaced it, while the link of an alert lives.

use diesel::prelude::*;
use portcullis_domain::{AccountId, Email};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::former_emails;
use crate::sql_type::{Instant, Key};

/// Keeps the address that a change replaces, behind the earlier ones. One that is kept already keeps its position:
/// the earliest use decides. The caller holds the lock on the row of the account, so positions are unique.
pub(crate) fn keep(
    connection: &mut Connection,
    account: AccountId,
    address: &Email,
) -> Result<(), Failure> {
    let now = Instant::from(connection.now()?);
    let last = former_emails::table
        .filter(former_emails::account_id.eq(Key::from(account)))
        .select(diesel::dsl::max(former_emails::position));
    let last: Option<i32> = dispatch!(connection, inner => last.first(inner))?;
    let keep = diesel::insert_into(former_emails::table)
        .values((
            former_emails::account_id.eq(Key::from(account)),
            former_emails::email_key.eq(address.key()),
            former_emails::position.eq(last.unwrap_or_default() + 1),
            former_emails::replaced_at.eq(now),
        ))
        .on_conflict((former_emails::account_id, former_emails::email_key))
        .do_update()
        .set(former_emails::replaced_at.eq(now));
    dispatch!(connection, inner => keep.execute(inner))?;
    Ok(())
}

/// Removes the address, and all that replaced it, from the former ones; returns false if it is not one of them.
/// The caller holds the lock on the row of the account.
pub(crate) fn take_back(
    connection: &mut Connection,
    account: AccountId,
    address: &Email,
) -> Result<bool, Failure> {
    let of_account = former_emails::table.filter(former_emails::account_id.eq(Key::from(account)));
    let own = of_account.filter(former_emails::email_key.eq(address.key()));
    let query = own.select(former_emails::position);
    let position: Option<i32> = dispatch!(connection, inner => query.first(inner).optional())?;
    let Some(position) = position else { return Ok(false) };
    let later = of_account.filter(former_emails::position.ge(position));
    dispatch!(connection, inner => diesel::delete(later).execute(inner))?;
    Ok(true)
}
