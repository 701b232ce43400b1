//! `PasswordChangeStore`: a new password, a replacement session and revocations in one transaction.

use diesel::dsl::not;
use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_domain::PasswordEpoch;
use portcullis_flows::StoreError;
use portcullis_flows::identity::password_change::{
    PasswordChangeStore, PasswordUpdate, PasswordUpdateResult,
};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::node::mail_secret;
use crate::schema::accounts;
use crate::sign_in::device;
use crate::sign_in::epoch;
use crate::sign_in::lockout;
use crate::sign_in::replacement;
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl PasswordChangeStore for Store {
    fn change_password(
        &self,
        change: &PasswordUpdate<'_>,
    ) -> Result<PasswordUpdateResult, StoreError> {
        self.write_recorded(change.effects, |connection| {
            if !lockout::forget_failures(connection, change.counter)? {
                return Ok(PasswordUpdateResult::Refused(Outcome::Locked));
            }
            sign_out::lock_account(connection, change.account)?;
            let (account, session, at) = (change.account, change.session, change.ending.at);
            let Some(asking) = replacement::lock_current(connection, account, session, at)? else {
                return Ok(PasswordUpdateResult::SessionEnded);
            };
            let Some(epoch) = replace_hash(connection, change)? else {
                return Ok(PasswordUpdateResult::Refused(Outcome::Superseded));
            };
            mail_secret::revoke_links(connection, change.account)?;
            device::forget_all(connection, change.account, Some(change.session))?;
            let revoked = sign_out::end_all(connection, change.account, None, change.ending)?;
            let (successor, origin) = (change.successor, change.origin);
            let session = replacement::succeed(connection, asking, successor, |it| it, origin, at)?;
            let snapshot = account::find_snapshot(connection, change.account)?
                .ok_or(Failure::Corrupt { table: "sessions", column: "account_id" })?;
            let (snapshot, session) = (Box::new(snapshot), Box::new(session));
            Ok(PasswordUpdateResult::Done { snapshot, session, revoked, epoch })
        })
    }
}

/// Replaces the hash and returns the epoch of the new password; `None` if the hash was replaced
/// meanwhile.
fn replace_hash(
    connection: &mut Connection,
    change: &PasswordUpdate<'_>,
) -> Result<Option<PasswordEpoch>, Failure> {
    let unchanged = accounts::table
        .find(Key::from(change.account))
        .filter(accounts::is_active.and(not(accounts::is_blocked)))
        .filter(accounts::password_hash.eq(change.current.hash.as_str()));
    let replace = diesel::update(unchanged)
        .set((
            accounts::password_hash.eq(change.new.as_str()),
            accounts::password_epoch.eq(accounts::password_epoch + 1),
            accounts::password_must_change.eq(false),
            accounts::updated_at.eq(Instant::from(change.ending.at)),
        ))
        .returning(accounts::password_epoch);
    let changed: Option<i32> =
        dispatch!(connection, inner => replace.get_result(inner).optional())?;
    changed.map(epoch::read).transpose()
}
