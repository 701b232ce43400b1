//! `PasswordRemovalStore`: an account with a passkey gives up its password.

use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::identity::password_removal::{
    PasswordRemoval, PasswordRemovalStore, PasswordRemoved,
};

use crate::connection::dispatch;
use crate::node::mail_secret;
use crate::schema::accounts;
use crate::sign_in::{device, passkey_row, reauthentication, sign_out};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl PasswordRemovalStore for Store {
    fn remove_password(
        &self,
        removal: &PasswordRemoval<'_>,
    ) -> Result<PasswordRemoved, StoreError> {
        self.write_recorded(removal.effects, |connection| {
            if let Some(outcome) = reauthentication::validate(connection, removal.reauthenticated)?
            {
                return Ok(PasswordRemoved::Refused(outcome));
            }
            let account = removal.reauthenticated.account.id;
            if !passkey_row::signs_in_alone(connection, account, None)? {
                return Ok(PasswordRemoved::NoPasskey);
            }
            let remove = diesel::update(accounts::table.find(Key::from(account))).set((
                accounts::password_hash.eq(None::<String>),
                accounts::password_epoch.eq(accounts::password_epoch + 1),
                accounts::password_must_change.eq(false),
                accounts::updated_at.eq(Instant::from(removal.ending.at)),
            ));
            dispatch!(connection, inner => remove.execute(inner))?;
            mail_secret::revoke_links(connection, account)?;
            device::forget_all(connection, account, None)?;
            let (keep, ending) = (Some(removal.session), removal.ending);
            sign_out::end_all(connection, account, keep, ending).map(PasswordRemoved::Done)
        })
    }
}
