use diesel::prelude::*;
use portcullis_audit::{EventKind, SecurityEvent};
use portcullis_domain::{AccountId, SessionId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::sign_out::SignOutStore;
use portcullis_token::{Digest, Revocation, RevocationEntry};

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::revocation;
use crate::schema::{accounts, sessions};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl SignOutStore for Store {
    fn end_session(
        &self,
        session: SessionId,
        revoked_until: Timestamp,
        event: &SecurityEvent,
    ) -> Result<bool, StoreError> {
        self.write_recorded(|connection, events| {
            let ending = Ending { reason: event.kind, at: event.at, revoked_until };
            let has_ended = end_one(connection, session, ending)?;
            if has_ended {
                events.push(event.into());
            }
            Ok(has_ended)
        })
    }

    fn session_bound_to(
        &self,
        binding: &Digest,
    ) -> Result<Option<(AccountId, SessionId)>, StoreError> {
        let bound = sessions::table
            .filter(sessions::binding.eq(binding.as_bytes().as_slice()))
            .filter(sessions::ended_at.is_null())
            .select((sessions::account_id, sessions::id));
        self.read(|connection| {
            let found: Option<(Key, Key)> =
                dispatch!(connection, inner => bound.first(inner).optional())?;
            Ok(found.map(|(account, session)| (account.into(), session.into())))
        })
    }

    fn end_all_sessions(
        &self,
        account: AccountId,
        revoked_until: Timestamp,
        event: &SecurityEvent,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.write_recorded(|connection, events| {
            let ending = Ending { reason: event.kind, at: event.at, revoked_until };
            let ended = end_all(connection, account, None, ending)?;
            events.push((&event.clone().ending(ended.len())).into());
            Ok(ended)
        })
    }
}

/// Why and when sessions end, and until when their access tokens must be refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) reason: EventKind,
    pub(crate) at: Timestamp,
    pub(crate) revoked_until: Timestamp,
}

/// Ends the session if it is live, and revokes its access tokens.
pub(crate) fn end_one(
    connection: &mut Connection,
    session: SessionId,
    ending: Ending,
) -> Result<bool, Failure> {
    let live = sessions::table.find(Key::from(session)).filter(sessions::ended_at.is_null());
    let end = diesel::update(live).set(ending.columns());
    let has_ended = dispatch!(connection, inner => end.execute(inner))? == 1;
    if has_ended {
        revoke(connection, vec![session.into()], ending)?;
    }
    Ok(has_ended)
}

/// Ends every live session of the account but the one to `keep`, and revokes their access tokens.
///
/// The account's row is locked first, as everything that touches several sessions does, so that two
/// of them cannot wait for each other.
pub(crate) fn end_all(
    connection: &mut Connection,
    account: AccountId,
    keep: Option<SessionId>,
    ending: Ending,
) -> Result<Vec<SessionId>, Failure> {
    lock_account(connection, account)?;
    let live = sessions::table
        .filter(sessions::account_id.eq(Key::from(account)))
        .filter(sessions::id.ne_all(keep.map(Key::from)))
        .filter(sessions::ended_at.is_null());
    let end = diesel::update(live).set(ending.columns()).returning(sessions::id);
    let ended = dispatch!(connection, inner => end.get_results(inner))?;
    revoke(connection, ended, ending)
}

/// Ends those of the sessions that are live, revokes their access tokens, and answers which. The
/// caller holds the account's row.
pub(crate) fn end_these(
    connection: &mut Connection,
    these: Vec<Key>,
    ending: Ending,
) -> Result<Vec<SessionId>, Failure> {
    if these.is_empty() {
        return Ok(Vec::new());
    }
    let live =
        sessions::table.filter(sessions::id.eq_any(these)).filter(sessions::ended_at.is_null());
    let end = diesel::update(live).set(ending.columns()).returning(sessions::id);
    let ended = dispatch!(connection, inner => end.get_results(inner))?;
    revoke(connection, ended, ending)
}

impl Ending {
    fn columns(self) -> (Ended, Reason) {
        (
            sessions::ended_at.eq(Some(self.at.into())),
            sessions::end_reason.eq(Some(self.reason.as_str())),
        )
    }
}

type Ended = diesel::dsl::Eq<sessions::ended_at, Option<Instant>>;
type Reason = diesel::dsl::Eq<sessions::end_reason, Option<&'static str>>;

fn revoke(
    connection: &mut Connection,
    ended: Vec<Key>,
    ending: Ending,
) -> Result<Vec<SessionId>, Failure> {
    let ended: Vec<SessionId> = ended.into_iter().map(SessionId::from).collect();
    let entry = |session: &SessionId| RevocationEntry {
        revocation: Revocation::Session(*session),
        until: ending.revoked_until,
    };
    let entries: Vec<RevocationEntry> = ended.iter().map(entry).collect();
    revocation::record(connection, &entries, ending.at)?;
    Ok(ended)
}

/// Keeps the account as it is until the transaction ends.
pub(crate) fn lock_account(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    let row = accounts::table.find(Key::from(account)).select(accounts::id);
    if let Inner::Postgres(inner) = &mut connection.inner {
        row.for_no_key_update().first::<Key>(inner).optional()?;
    }
    Ok(())
}
