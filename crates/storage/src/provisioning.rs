use diesel::prelude::*;
use portcullis_audit::EventRecord;
use portcullis_flows::StoreError;
use portcullis_flows::provisioning::{Import, ImportStore, Imported};
use portcullis_flows::registration::{Creation, NewAccount};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::registration;
use crate::schema::accounts;
use crate::store::Store;

impl ImportStore for Store {
    fn import(&self, batch: &[Import]) -> Result<Vec<Imported>, StoreError> {
        self.write_recorded(|connection, events| {
            batch.iter().map(|import| one(connection, import, events)).collect()
        })
    }
}

fn one(
    connection: &mut Connection,
    import: &Import,
    events: &mut Vec<EventRecord>,
) -> Result<Imported, Failure> {
    let Import { account, password_hash, revision, event } = import;
    let new =
        NewAccount { account, password_hash: Some(password_hash), revision: *revision, event };
    let creation = registration::create(connection, &new, events)?;
    if matches!(creation, Creation::Done | Creation::Superseded) {
        return Ok(Imported::Tried(creation));
    }
    let itself = accounts::table
        .filter(accounts::username.eq(account.username.as_str()))
        .filter(accounts::email_key.eq(account.email.key()));
    let look = diesel::select(diesel::dsl::exists(itself));
    let present: bool = dispatch!(connection, inner => look.get_result(inner))?;
    Ok(if present { Imported::Present } else { Imported::Tried(creation) })
}
