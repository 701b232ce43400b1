use diesel::prelude::*;
use portcullis_audit::{Outcome, SecurityEvent};
use portcullis_domain::{AccountId, PasswordEpoch};
use portcullis_flows::StoreError;
use portcullis_flows::password_change::{Change, Changed, PasswordChangeStore};
use portcullis_flows::sign_in::Credentials;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::accounts;
use crate::sign_in::{self, CredentialsRow};
use crate::sign_out::{self, Ending};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl PasswordChangeStore for Store {
    fn credentials_of(&self, account: AccountId) -> Result<Option<Credentials>, StoreError> {
        self.read(|connection| {
            let query = accounts::table.find(Key::from(account));
            let found: Option<CredentialsRow> = dispatch!(connection, inner => {
                query.select(CredentialsRow::as_select()).first(inner).optional()
            })?;
            found.map(Credentials::try_from).transpose()
        })
    }

    fn change_password(&self, change: &Change<'_>) -> Result<Changed, StoreError> {
        self.write_recorded(|connection, events| {
            let epoch = match replace(connection, change)? {
                Ok(epoch) => epoch,
                Err(outcome) => {
                    let refused = SecurityEvent { outcome, ..change.event.clone() };
                    events.push((&refused).into());
                    return Ok(Changed::Refused);
                }
            };
            let ending = Ending {
                reason: change.event.kind,
                at: change.event.at,
                revoked_until: change.revoked_until,
            };
            let ended =
                sign_out::end_all(connection, change.account, Some(change.session), ending)?;
            events.push(change.event.into());
            Ok(Changed::Done { ended, epoch })
        })
    }
}

/// Judges the change at the moment it is to be written, whatever was true when it was checked.
fn replace(
    connection: &mut Connection,
    change: &Change<'_>,
) -> Result<Result<PasswordEpoch, Outcome>, Failure> {
    if !sign_in::forget_failures(connection, change.counter)? {
        return Ok(Err(Outcome::Locked));
    }
    Ok(replace_hash(connection, change)?.ok_or(Outcome::Superseded))
}

/// The epoch of the new password, unless another one has taken the place of the current one since.
fn replace_hash(
    connection: &mut Connection,
    change: &Change<'_>,
) -> Result<Option<PasswordEpoch>, Failure> {
    let unchanged = accounts::table
        .find(Key::from(change.account))
        .filter(accounts::is_active)
        .filter(accounts::password_hash.eq(change.current.as_str()));
    let replace = diesel::update(unchanged)
        .set((
            accounts::password_hash.eq(change.new.as_str()),
            accounts::password_epoch.eq(accounts::password_epoch + 1),
            accounts::password_must_change.eq(false),
            accounts::updated_at.eq(Instant::from(change.event.at)),
        ))
        .returning(accounts::password_epoch);
    let epoch: Option<i32> = dispatch!(connection, inner => replace.get_result(inner).optional())?;
    epoch.map(sign_in::epoch).transpose()
}
