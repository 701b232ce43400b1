//! `PasswordChangeStore`: a new password, a replacement session and revocations in one transaction.

use diesel::dsl::not;
use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_domain::{AccountId, Delivery, PasswordEpoch, Session};
use portcullis_flows::StoreError;
use portcullis_flows::identity::password_change::{
    PasswordChangeStore, PasswordUpdate, PasswordUpdateResult,
};
use portcullis_flows::sign_in::StoredCredentials;

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::node::mail_secret;
use crate::schema::{accounts, sessions};
use crate::sign_in::pipeline::{self, CredentialsRow};
use crate::sign_in::refresh::SessionRow;
use crate::sign_in::session::{self, NewSession};
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl PasswordChangeStore for Store {
    fn credentials_of(&self, account: AccountId) -> Result<Option<StoredCredentials>, StoreError> {
        self.read(|connection| credentials(connection, account))
    }

    fn change_password(
        &self,
        change: &PasswordUpdate<'_>,
    ) -> Result<PasswordUpdateResult, StoreError> {
        self.write_recorded(change.effects, |connection| {
            if !pipeline::forget_failures(connection, change.counter)? {
                return Ok(PasswordUpdateResult::Refused(Outcome::Locked));
            }
            sign_out::lock_account(connection, change.account)?;
            let Some(asking) = lock_current_session(connection, change)? else {
                return Ok(PasswordUpdateResult::SessionEnded);
            };
            let Some(epoch) = replace_hash(connection, change)? else {
                return Ok(PasswordUpdateResult::Refused(Outcome::Superseded));
            };
            mail_secret::revoke_links(connection, change.account)?;
            let revoked = sign_out::end_all(connection, change.account, None, change.ending)?;
            let session = succeed(connection, change, asking)?;
            let snapshot = account::find_snapshot(connection, change.account)?
                .ok_or(Failure::Corrupt { table: "sessions", column: "account_id" })?;
            let (snapshot, session) = (Box::new(snapshot), Box::new(session));
            Ok(PasswordUpdateResult::Done { snapshot, session, revoked, epoch })
        })
    }
}

pub(crate) fn credentials(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Option<StoredCredentials>, Failure> {
    let query = accounts::table.find(Key::from(account));
    let found: Option<CredentialsRow> = dispatch!(connection, inner => {
        query.select(CredentialsRow::as_select()).first(inner).optional()
    })?;
    found.map(StoredCredentials::try_from).transpose()
}

/// The current session, its device name, and its latest refresh token.
type CurrentSessionRow = (SessionRow, Option<String>, Key);

/// Locks the current session until the transaction ends; `None` if it is not live.
fn lock_current_session(
    connection: &mut Connection,
    change: &PasswordUpdate<'_>,
) -> Result<Option<CurrentSessionRow>, Failure> {
    let live = sessions::table
        .find(Key::from(change.session))
        .filter(sessions::account_id.eq(Key::from(change.account)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(Instant::from(change.ending.at)));
    Ok(match &mut connection.inner {
        Inner::Postgres(inner) => {
            let live = live.for_no_key_update();
            let row = (SessionRow::as_select(), sessions::device_name, sessions::current_token);
            live.select(row).first(inner).optional()?
        }
        Inner::Sqlite(inner) => {
            let row = (SessionRow::as_select(), sessions::device_name, sessions::current_token);
            live.select(row).first(inner).optional()?
        }
    })
}

/// Opens the session that replaces the current one. Its first token has the latest token of the
/// current session as its parent, so that the family stays connected.
fn succeed(
    connection: &mut Connection,
    change: &PasswordUpdate<'_>,
    (asking, device_name, latest): CurrentSessionRow,
) -> Result<Session, Failure> {
    let session = Session { id: change.successor.session, ..Session::try_from(&asking)? };
    let bound = session.delivery == Delivery::Cookie;
    session::insert(
        connection,
        &NewSession {
            session: &session,
            binding: bound.then_some(&change.successor.binding),
            device_name: device_name.as_deref(),
            refresh: change.successor.refresh,
            parent: Some(latest.into()),
            origin: change.origin,
            at: change.ending.at,
        },
    )?;
    Ok(session)
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
    let epoch: Option<i32> = dispatch!(connection, inner => replace.get_result(inner).optional())?;
    epoch.map(pipeline::epoch).transpose()
}
