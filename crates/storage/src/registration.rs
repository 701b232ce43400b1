use diesel::prelude::*;
use portcullis_audit::{EventRecord, SecurityEvent};
use portcullis_domain::Account;
use portcullis_flows::StoreError;
use portcullis_flows::registration::{Creation, RegistrationStore};
use portcullis_password::PasswordHash;

use crate::account::NewAccountRow;
use crate::connection::{Connection, dispatch};
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
        self.write_recorded(|connection, events| {
            create(connection, account, password_hash, event, events)
        })
    }
}

/// The unique indexes decide; the look afterwards only finds the words for it.
pub(crate) fn create(
    connection: &mut Connection,
    account: &Account,
    password_hash: Option<&PasswordHash>,
    event: &SecurityEvent,
    events: &mut Vec<EventRecord>,
) -> Result<Creation, Failure> {
    let row = NewAccountRow::new(account, password_hash);
    let insert = diesel::insert_into(accounts::table).values(row);
    let inserted = dispatch!(connection, inner => insert.on_conflict_do_nothing().execute(inner))?;
    if inserted == 1 {
        events.push(event.into());
        return Ok(Creation::Done);
    }
    let same_name = accounts::username_skeleton.eq(account.username.skeleton());
    let look = diesel::select(diesel::dsl::exists(accounts::table.filter(same_name)));
    let name_taken: bool = dispatch!(connection, inner => look.get_result(inner))?;
    Ok(if name_taken { Creation::UsernameTaken } else { Creation::EmailTaken })
}
