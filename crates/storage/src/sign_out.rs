use diesel::prelude::*;
use portcullis_audit::{EventKind, SecurityEvent};
use portcullis_domain::{AccountId, SessionId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::sign_out::SignOutStore;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, sessions};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl SignOutStore for Store {
    fn end_session(&self, session: SessionId, event: &SecurityEvent) -> Result<(), StoreError> {
        self.write_recorded(|connection, events| {
            if end_one(connection, session, event.kind, event.at)? {
                events.push(event.into());
            }
            Ok(())
        })
    }

    fn end_all_sessions(
        &self,
        account: AccountId,
        event: &SecurityEvent,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.write_recorded(|connection, events| {
            let ended = end_all(connection, account, None, event.kind, event.at)?;
            events.push(event.into());
            Ok(ended)
        })
    }

    fn sessions_ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.read(|connection| {
            let query = sessions::table
                .filter(sessions::ended_at.ge(Instant::from(since)))
                .select(sessions::id);
            let ended: Vec<Key> = dispatch!(connection, inner => query.load(inner))?;
            Ok(ended.into_iter().map(SessionId::from).collect())
        })
    }
}

/// Ends the session if it is live.
pub(crate) fn end_one(
    connection: &mut Connection,
    session: SessionId,
    reason: EventKind,
    now: Timestamp,
) -> Result<bool, Failure> {
    let live = sessions::table.find(Key::from(session)).filter(sessions::ended_at.is_null());
    let end = diesel::update(live)
        .set((sessions::ended_at.eq(Instant::from(now)), sessions::end_reason.eq(reason.as_str())));
    Ok(dispatch!(connection, inner => end.execute(inner))? == 1)
}

/// Ends every live session of the account but the one to `keep`.
///
/// The account's row is locked first, as everything that touches several sessions does, so that two
/// of them cannot wait for each other.
pub(crate) fn end_all(
    connection: &mut Connection,
    account: AccountId,
    keep: Option<SessionId>,
    reason: EventKind,
    now: Timestamp,
) -> Result<Vec<SessionId>, Failure> {
    lock_account(connection, account)?;
    let live = sessions::table
        .filter(sessions::account_id.eq(Key::from(account)))
        .filter(sessions::id.ne_all(keep.map(Key::from)))
        .filter(sessions::ended_at.is_null());
    let end = diesel::update(live)
        .set((sessions::ended_at.eq(Instant::from(now)), sessions::end_reason.eq(reason.as_str())))
        .returning(sessions::id);
    let ended: Vec<Key> = dispatch!(connection, inner => end.get_results(inner))?;
    Ok(ended.into_iter().map(SessionId::from).collect())
}

fn lock_account(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    let row = accounts::table.find(Key::from(account)).select(accounts::id);
    if let Connection::Postgres(inner) = connection {
        row.for_no_key_update().first::<Key>(inner).optional()?;
    }
    Ok(())
}
