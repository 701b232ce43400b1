//! `LockoutDirectoryStore`: the closed failure counters of accounts, tables `sign_in_failures` and `accounts`.

use diesel::dsl::{auto_type, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use portcullis_domain::Username;
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::sign_in::lockout::CounterKind;
use portcullis_flows::sign_in::lockout_directory::{
    ListedLockout, LockoutCursor, LockoutDirectoryStore, LockoutPage,
};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, sign_in_failures};
use crate::sql_type::{Id, Instant, Key, Utc};
use crate::store::Store;

impl LockoutDirectoryStore for Store {
    fn list_lockouts(
        &self,
        after: Option<LockoutCursor>,
        most: u32,
        effects: &Effects,
    ) -> Result<LockoutPage, StoreError> {
        // A long list must not hold up the writers of SQLite.
        let page = self.read_snapshot(|connection| page(connection, after, most))?;
        self.write_with(|_| Ok((page, effects.clone())))
    }
}

type Row = (Key, String, Option<String>, i32, Instant, Instant);

fn page(
    connection: &mut Connection,
    after: Option<LockoutCursor>,
    most: u32,
) -> Result<LockoutPage, Failure> {
    use sign_in_failures::{account_id, closed_until, in_a_row, kind, last_failed_at};
    let now = connection.now()?;
    let rows: Vec<Row> = dispatch!(connection, inner => {
        let mut closed = closed(now.into()).into_boxed();
        if let Some(after) = after {
            closed = closed.filter(
                sql::<Bool>("(closed_until, account_id, sign_in_failures.kind) < (")
                    .bind::<Utc, _>(Instant::from(after.until))
                    .sql(", ")
                    .bind::<Id, _>(Key::from(after.account))
                    .sql(", ")
                    .bind::<Text, _>(after.kind.as_str())
                    .sql(")"),
            );
        }
        closed
            .order((closed_until.desc(), account_id.desc(), kind.desc()))
            .limit(i64::from(most) + 1)
            .select((accounts::id, accounts::username, kind, in_a_row, last_failed_at, closed_until))
            .load(inner)
    })?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let has_more = rows.len() > most;
    let lockouts = rows.into_iter().take(most).map(listed).collect::<Result<Vec<_>, _>>()?;
    let next = lockouts.last().filter(|_| has_more).map(ListedLockout::cursor);
    Ok(LockoutPage { lockouts, next })
}

/// The closed counters of accounts. A counter of an earlier password locks nothing any more.
#[auto_type]
fn closed(now: Instant) -> _ {
    let account = sign_in_failures::account_id.eq(accounts::id.nullable());
    let epoch = sign_in_failures::password_epoch.eq(accounts::password_epoch.nullable());
    let is_present = sign_in_failures::password_epoch.is_null().or(epoch);
    sign_in_failures::table
        .inner_join(accounts::table.on(account))
        .filter(sign_in_failures::account_id.is_not_null())
        .filter(sign_in_failures::closed_until.gt(now))
        .filter(is_present)
}

/// The number of them, at most `most`.
pub(crate) fn count(connection: &mut Connection, most: u32) -> Result<u64, Failure> {
    let now = connection.now()?;
    let accounts: Vec<Key> = dispatch!(connection, inner => {
        closed(now.into()).select(accounts::id).limit(most.into()).load(inner)
    })?;
    Ok(u64::try_from(accounts.len()).unwrap_or(u64::MAX))
}

fn listed(
    (account, username, kind, failures, last_failed_at, closed_until): Row,
) -> Result<ListedLockout, Failure> {
    let corrupt = |table, column| Failure::Corrupt { table, column };
    let kind = kind.as_deref().and_then(CounterKind::parse);
    Ok(ListedLockout {
        account: account.into(),
        username: Username::parse(&username).map_err(|_| corrupt("accounts", "username"))?,
        kind: kind.ok_or_else(|| corrupt("sign_in_failures", "kind"))?,
        failures: u32::try_from(failures).unwrap_or_default(),
        last_failed_at: last_failed_at.into(),
        closed_until: closed_until.into(),
    })
}
