//! `RegistrationStore`: creates an account, table `accounts`.

use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::registration::{Creation, NewAccount, RegistrationStore};

use crate::access::matrix;
use crate::connection::{Connection, Lock, dispatch};
use crate::failure::Failure;
use crate::identity::account::NewAccountRow;
use crate::schema::accounts;
use crate::store::Store;

impl RegistrationStore for Store {
    fn create(&self, new: &NewAccount<'_>) -> Result<Creation, StoreError> {
        self.write_with(|connection| create(connection, new))
    }
}

/// Creates the account. The unique indexes decide; the query afterwards only finds which value is
/// taken.
///
/// No matrix is activated until the commit: an activation checks the roles of the accounts, and
/// would not see this account.
pub(crate) fn create(
    connection: &mut Connection,
    new: &NewAccount<'_>,
) -> Result<(Creation, Effects), Failure> {
    Lock::Matrix.share(connection)?;
    if matrix::revision(connection)? != new.revision {
        return Ok((Creation::Superseded, Effects::default()));
    }
    let NewAccount { account, effects, .. } = *new;
    let row = NewAccountRow::new(new);
    let insert = diesel::insert_into(accounts::table).values(row);
    let inserted = dispatch!(connection, inner => insert.on_conflict_do_nothing().execute(inner))?;
    if inserted == 1 {
        return Ok((Creation::Done, effects.clone()));
    }
    let same_name = accounts::username_skeleton.eq(account.username.skeleton());
    let look = diesel::select(diesel::dsl::exists(accounts::table.filter(same_name)));
    let name_taken: bool = dispatch!(connection, inner => look.get_result(inner))?;
    let taken = if name_taken { Creation::UsernameTaken } else { Creation::EmailTaken };
    Ok((taken, Effects::default()))
}
