//! `PasswordResetRequestStore`: counts requests for reset links and looks up their accounts, tables
//! `mail_allowances` and `accounts`.

use diesel::prelude::*;
use portcullis_domain::Email;
use portcullis_flows::StoreError;
use portcullis_flows::identity::password_reset_request::{
    AddressHolder, AddressLookup, AddressState, PasswordResetRequestStore,
};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::mail_allowance;
use crate::schema::accounts;
use crate::sql_type::Key;
use crate::store::Store;

impl PasswordResetRequestStore for Store {
    fn request_password_reset(&self, request: &AddressLookup<'_>) -> Result<(), StoreError> {
        let look_up = |connection: &mut Connection| {
            let account = holder(connection, request)?;
            let is_within_limit = mail_allowance::take(connection, &request.allowance)?;
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
