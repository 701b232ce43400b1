use diesel::prelude::*;
use portcullis_audit::{Outcome, SecurityEvent};
use portcullis_domain::AccountId;
use portcullis_flows::StoreError;
use portcullis_flows::password_change::{Change, Changed, PasswordChangeStore};
use portcullis_flows::sign_in::Credentials;

use crate::account::AccountRow;
use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::accounts;
use crate::sign_in;
use crate::sign_out::{self, Ending};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl PasswordChangeStore for Store {
    fn credentials_of(&self, account: AccountId) -> Result<Option<Credentials>, StoreError> {
        self.read(|connection| {
            let found: Option<(AccountRow, Option<String>)> = dispatch!(connection, inner => {
                accounts::table
                    .find(Key::from(account))
                    .select((AccountRow::as_select(), accounts::password_hash))
                    .first(inner)
                    .optional()
            })?;
            found.map(|(row, hash)| sign_in::credentials(row, hash.as_deref())).transpose()
        })
    }

    fn change_password(&self, change: &Change<'_>) -> Result<Changed, StoreError> {
        self.write_recorded(|connection, events| {
            if let Some(outcome) = refusal(connection, change)? {
                let refused = SecurityEvent { outcome, ..change.event.clone() };
                events.push((&refused).into());
                return Ok(Changed::Refused);
            }
            let ending = Ending {
                reason: change.event.kind,
                at: change.event.at,
                revoked_until: change.revoked_until,
            };
            let ended =
                sign_out::end_all(connection, change.account, Some(change.session), ending)?;
            events.push(change.event.into());
            Ok(Changed::Done { ended })
        })
    }
}

fn refusal(connection: &mut Connection, change: &Change<'_>) -> Result<Option<Outcome>, Failure> {
    if !sign_in::forget_failures(connection, change.budget, change.event.at)? {
        return Ok(Some(Outcome::Locked));
    }
    if !replace_hash(connection, change)? {
        return Ok(Some(Outcome::Superseded));
    }
    Ok(None)
}

fn replace_hash(connection: &mut Connection, change: &Change<'_>) -> Result<bool, Failure> {
    let unchanged = accounts::table
        .find(Key::from(change.account))
        .filter(accounts::is_active)
        .filter(accounts::password_hash.eq(change.current.as_str()));
    let replace = diesel::update(unchanged).set((
        accounts::password_hash.eq(change.new.as_str()),
        accounts::password_must_change.eq(false),
        accounts::updated_at.eq(Instant::from(change.event.at)),
    ));
    Ok(dispatch!(connection, inner => replace.execute(inner))? == 1)
}
