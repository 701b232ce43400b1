//! `UnlockStore`: deletes failure counters and lifts the block of an account, tables `sign_in_failures` and
//! `accounts`.

use diesel::prelude::*;
use portcullis_domain::{Account, AccountId};
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::sign_in::unlock::UnlockStore;
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::schema::{accounts, sign_in_failures};
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl UnlockStore for Store {
    fn unlock(
        &self,
        account: AccountId,
        counters: &[Digest],
        effects: EffectsOf<'_, Option<(Account, Account)>>,
    ) -> Result<(), StoreError> {
        self.write_recorded(effects, |connection| {
            reset(connection, counters)?;
            sign_out::lock_account(connection, account)?;
            let before = account::find(connection, account)?;
            let now = Instant::from(connection.now()?);
            let blocked = accounts::table.find(Key::from(account)).filter(accounts::is_blocked);
            let lift = diesel::update(blocked)
                .set((accounts::is_blocked.eq(false), accounts::updated_at.eq(now)));
            dispatch!(connection, inner => lift.execute(inner))?;
            Ok(before.zip(account::find(connection, account)?))
        })
        .map(drop)
    }
}

/// Deletes the counters, closed or not.
pub(crate) fn reset(connection: &mut Connection, counters: &[Digest]) -> Result<(), Failure> {
    for counter in counters {
        let open = diesel::delete(sign_in_failures::table.find(counter.as_bytes().as_slice()));
        dispatch!(connection, inner => open.execute(inner))?;
    }
    Ok(())
}
