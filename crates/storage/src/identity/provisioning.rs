//! `ImportStore`: imports a batch of accounts in one transaction, table `accounts`.

use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::provisioning::{Import, ImportResult, ImportStore};
use portcullis_flows::identity::registration::{Creation, NewAccount};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::registration;
use crate::schema::accounts;
use crate::store::Store;

impl ImportStore for Store {
    fn import(&self, batch: &[Import]) -> Result<Vec<ImportResult>, StoreError> {
        self.write_with(|connection| {
            let mut all = Effects::default();
            let mut imported = Vec::with_capacity(batch.len());
            for import in batch {
                let (verdict, effects) = one(connection, import)?;
                imported.push(verdict);
                all.extend(effects);
            }
            Ok((imported, all))
        })
    }
}

fn one(connection: &mut Connection, import: &Import) -> Result<(ImportResult, Effects), Failure> {
    let Import { account, password_hash, revision, effects } = import;
    let new = NewAccount {
        account,
        password_hash: Some(password_hash),
        revision: *revision,
        must_verify_email: false,
        effects,
    };
    let (creation, effects) = registration::create(connection, &new)?;
    if matches!(creation, Creation::Done | Creation::Superseded) {
        return Ok((ImportResult::Tried(creation), effects));
    }
    let itself = accounts::table
        .filter(accounts::username.eq(account.username.as_str()))
        .filter(accounts::email_key.eq(account.email.key()));
    let look = diesel::select(diesel::dsl::exists(itself));
    let present: bool = dispatch!(connection, inner => look.get_result(inner))?;
    let imported = if present { ImportResult::Present } else { ImportResult::Tried(creation) };
    Ok((imported, effects))
}
