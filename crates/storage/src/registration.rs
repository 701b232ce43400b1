use diesel::prelude::*;
use portcullis_domain::Account;
use portcullis_flows::StoreError;
use portcullis_flows::event::SecurityEvent;
use portcullis_flows::registration::{Creation, RegistrationStore};
use portcullis_password::PasswordHash;

use crate::account::NewAccountRow;
use crate::connection::{Connection, dispatch};
use crate::event;
use crate::failure::Failure;
use crate::schema::accounts;
use crate::store::Store;

impl RegistrationStore for Store {
    fn create(
        &self,
        account: &Account,
        password_hash: Option<&PasswordHash>,
        event: &SecurityEvent,
    ) -> Result<Creation, StoreError> {
        self.write(|connection| create(connection, account, password_hash, event))
    }
}

/// The unique indexes decide; the look afterwards only finds the words for it.
pub(crate) fn create(
    connection: &mut Connection,
    account: &Account,
    password_hash: Option<&PasswordHash>,
    event: &SecurityEvent,
) -> Result<Creation, Failure> {
    let row = NewAccountRow::new(account, password_hash);
    let insert = diesel::insert_into(accounts::table).values(row);
    let inserted = dispatch!(connection, inner => insert.on_conflict_do_nothing().execute(inner))?;
    if inserted == 1 {
        event::record(connection, event)?;
        return Ok(Creation::Done);
    }
    let same_name = accounts::username_skeleton.eq(account.username.skeleton());
    let look = diesel::select(diesel::dsl::exists(accounts::table.filter(same_name)));
    let name_taken: bool = dispatch!(connection, inner => look.get_result(inner))?;
    Ok(if name_taken { Creation::UsernameTaken } else { Creation::EmailTaken })
}
