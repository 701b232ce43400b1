//! `AccountDirectoryStore`: lists of accounts, a search, and one in detail, tables `accounts`, `sessions` and
//! `sign_in_failures`.

mod search;

use diesel::prelude::*;
use portcullis_domain::{Account, AccountId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account_directory::{
    AccountDetails, AccountDirectoryStore, AccountPage, AccountQuery, AccountSearch,
};
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account::AccountRow;
use crate::schema::{accounts, sessions, sign_in_failures};
use crate::sql_type::{Instant, Key, natural};
use crate::store::Store;

impl AccountDirectoryStore for Store {
    fn list_accounts(
        &self,
        query: &AccountQuery,
        effects: &Effects,
    ) -> Result<Vec<Account>, StoreError> {
        self.write_with(|connection| {
            let rows: Vec<AccountRow> = dispatch!(connection, inner => {
                let mut some = accounts::table.into_boxed();
                if let Some(text) = &query.text {
                    let pattern = containing(text);
                    let holds = accounts::username
                        .like(pattern.clone())
                        .escape(ESCAPE)
                        .or(lower(accounts::email).like(pattern.clone()).escape(ESCAPE));
                    let name = lower(accounts::display_name).like(pattern).escape(ESCAPE);
                    some = some.filter(holds.nullable().or(name));
                }
                if let Some(role) = &query.role {
                    some = some.filter(accounts::role.eq(role));
                }
                if let Some(is_active) = query.is_active {
                    some = some.filter(accounts::is_active.eq(is_active));
                }
                if let Some(after) = query.after {
                    some = some.filter(accounts::id.lt(Key::from(after)));
                }
                some.order(accounts::id.desc())
                    .limit(query.most.into())
                    .select(AccountRow::as_select())
                    .load(inner)
            })?;
            let found = rows.into_iter().map(Account::try_from).collect::<Result<_, _>>()?;
            Ok((found, effects.clone()))
        })
    }

    fn search_accounts(
        &self,
        search: &AccountSearch,
        effects: &Effects,
    ) -> Result<AccountPage, StoreError> {
        // A long search must not hold up the writers of SQLite.
        let page = self.read_snapshot(|connection| search::page(connection, search))?;
        self.write_with(|_| Ok((page, effects.clone())))
    }

    fn account_details(
        &self,
        account: AccountId,
        counters: &[Digest],
        effects: &Effects,
    ) -> Result<Option<AccountDetails>, StoreError> {
        self.write_with(|connection| {
            let found = details(connection, account, counters)?;
            let effects = effects.only_if(found.is_some());
            Ok((found, effects))
        })
    }
}

fn details(
    connection: &mut Connection,
    account: AccountId,
    counters: &[Digest],
) -> Result<Option<AccountDetails>, Failure> {
    let key = Key::from(account);
    let query = accounts::table.find(key);
    let row: Option<(AccountRow, bool)> = dispatch!(connection, inner => {
        query
            .select((AccountRow::as_select(), accounts::password_hash.is_not_null()))
            .first(inner)
            .optional()
    })?;
    let Some((row, has_password)) = row else { return Ok(None) };
    let now = connection.now()?;
    let live = sessions::table
        .filter(sessions::account_id.eq(key))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(Instant::from(now)))
        .count();
    let live: i64 = dispatch!(connection, inner => live.get_result(inner))?;
    let keys = counters.iter().map(|counter| counter.as_bytes().to_vec());
    let failures = sign_in_failures::table
        .filter(sign_in_failures::counter.eq_any(keys))
        .select((sign_in_failures::in_a_row, sign_in_failures::closed_until));
    let failures: Vec<(i32, Instant)> = dispatch!(connection, inner => failures.load(inner))?;
    let closed = failures.iter().map(|(_, until)| Timestamp::from(*until)).max();
    let most = failures.iter().map(|(in_a_row, _)| *in_a_row).max().unwrap_or_default();
    Ok(Some(AccountDetails {
        account: row.try_into()?,
        has_password,
        sessions: natural(live),
        failures: u32::try_from(most).unwrap_or_default(),
        locked_until: closed.filter(|until| *until > now),
    }))
}

/// The pattern of texts that contain this one.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

const ESCAPE: char = '!';

#[diesel::declare_sql_function]
extern "SQL" {
    fn lower<T: diesel::sql_types::SqlType + diesel::sql_types::SingleValue>(text: T) -> T;
}
