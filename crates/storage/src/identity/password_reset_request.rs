//! `PasswordResetRequestStore`: counts requests for reset links and looks up their accounts, tables
//! `reset_mails` and `accounts`.

use std::time::Duration;

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use portcullis_domain::Email;
use portcullis_flows::StoreError;
use portcullis_flows::identity::password_reset_request::{
    AddressHolder, AddressLookup, AddressState, PasswordResetRequestStore,
};
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, reset_mails};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

/// The time without a mail after which the count of mails begins again.
pub(crate) const PAUSE: Duration = Duration::from_secs(60 * 60);

impl PasswordResetRequestStore for Store {
    fn request_password_reset(&self, request: &AddressLookup<'_>) -> Result<(), StoreError> {
        let look_up = |connection: &mut Connection| {
            let account = holder(connection, request)?;
            let is_within_limit = count(connection, request.counter, request.most)?;
            Ok(AddressState { account, is_within_limit })
        };
        self.write_recorded(request.effects, look_up).map(drop)
    }
}

fn holder(
    connection: &mut Connection,
    request: &AddressLookup<'_>,
) -> Result<Option<AddressHolder>, Failure> {
    let former_key = request.former_key.unwrap_or(request.key);
    let query = accounts::table
        .filter(accounts::email_key.eq(request.key).or(accounts::email_key.eq(former_key)))
        .order(accounts::email_key.ne(former_key))
        .select((accounts::id, accounts::email, accounts::kind, accounts::is_active));
    let found: Option<(Key, String, String, bool)> =
        dispatch!(connection, inner => query.first(inner).optional())?;
    // An address is parsed in every case, which takes longer than the statement.
    let email = Email::stored(found.as_ref().map_or(request.key, |(_, email, ..)| email));
    let Some((id, _, kind, is_active)) = found else { return Ok(None) };
    let corrupt = |column| Failure::Corrupt { table: "accounts", column };
    Ok(Some(AddressHolder {
        id: id.into(),
        email: email.map_err(|_| corrupt("email"))?,
        kind: kind.parse().map_err(|_| corrupt("kind"))?,
        is_active,
    }))
}

/// Counts a mail in one conditional statement; returns false if the limit is reached. The count begins again
/// after a pause, and when the clock of the database was wrong.
fn count(connection: &mut Connection, counter: &Digest, most: u32) -> Result<bool, Failure> {
    use diesel::query_dsl::methods::FilterDsl;

    let now = connection.now()?;
    let (before, after) = (Instant::from(now - PAUSE), Instant::from(now + PAUSE));
    let is_over = || reset_mails::last_at.le(before).or(reset_mails::last_at.gt(after));
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    let count =
        diesel::insert_into(reset_mails::table)
            .values((
                reset_mails::counter.eq(counter.as_bytes().as_slice()),
                reset_mails::mails.eq(1),
                reset_mails::last_at.eq(Instant::from(now)),
            ))
            .on_conflict(reset_mails::counter)
            .do_update()
            .set((
                reset_mails::mails
                    .eq(case_when(is_over(), 1.into_sql::<Integer>())
                        .otherwise(reset_mails::mails + 1)),
                reset_mails::last_at.eq(Instant::from(now)),
            ))
            .filter(reset_mails::mails.lt(most).or(is_over()));
    Ok(dispatch!(connection, inner => count.execute(inner))? == 1)
}
