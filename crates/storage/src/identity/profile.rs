//! `ProfileStore`: the display name of an account, table `accounts`.

use diesel::prelude::*;
use portcullis_domain::{Account, DisplayName};
use portcullis_flows::StoreError;
use portcullis_flows::identity::profile::{ProfileChange, ProfileResult, ProfileStore};

use crate::connection::dispatch;
use crate::principal;
use crate::schema::accounts;
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl ProfileStore for Store {
    fn change_profile(&self, change: &ProfileChange<'_>) -> Result<ProfileResult, StoreError> {
        self.write_recorded(change.effects, |connection| {
            sign_out::lock_account(connection, change.account)?;
            let entitled = principal::find(connection, change.principal)?
                .filter(|account| account.is_active && account.id == change.account);
            let Some(before) = entitled else { return Ok(ProfileResult::NotEntitled) };
            let after = Account { display_name: change.display_name.cloned(), ..before.clone() };
            if after != before {
                let now = Instant::from(connection.now()?);
                let name = change.display_name.map(DisplayName::as_str);
                let update = diesel::update(accounts::table.find(Key::from(change.account)))
                    .set((accounts::display_name.eq(name), accounts::updated_at.eq(now)));
                dispatch!(connection, inner => update.execute(inner))?;
            }
            Ok(ProfileResult::Done { before: Box::new(before), after: Box::new(after) })
        })
    }
}
