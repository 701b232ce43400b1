//! `SignOutStore`: ends sessions and writes their revocations, tables `sessions` and `revocations`.

use diesel::prelude::*;
use portcullis_domain::{AccountId, SessionId};
use portcullis_flows::StoreError;
use portcullis_flows::effects::{Effects, EffectsOf};
use portcullis_flows::node::revocation::Revoked;
use portcullis_flows::sign_in::session_tokens::SessionEnd;
use portcullis_flows::sign_in::sign_out::SignOutStore;
use portcullis_token::{Digest, Revocation, RevocationEntry};

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::node::revocation;
use crate::schema::{accounts, sessions};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl SignOutStore for Store {
    fn end_session(
        &self,
        session: SessionId,
        ending: SessionEnd,
        effects: &Effects,
    ) -> Result<Revoked, StoreError> {
        self.write_recorded(&revocation::if_any(effects), |connection| {
            end_one(connection, session, ending)
        })
    }

    fn session_bound_to(
        &self,
        binding: &Digest,
    ) -> Result<Option<(AccountId, SessionId)>, StoreError> {
        self.read(|connection| bound_to(connection, binding))
    }

    fn end_all_sessions(
        &self,
        account: AccountId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Revoked>,
    ) -> Result<Revoked, StoreError> {
        self.write_recorded(effects, |connection| end_all(connection, account, None, ending))
    }
}

/// The live session with that binding cookie.
pub(crate) fn bound_to(
    connection: &mut Connection,
    binding: &Digest,
) -> Result<Option<(AccountId, SessionId)>, Failure> {
    let bound = sessions::table
        .filter(sessions::binding.eq(binding.as_bytes().as_slice()))
        .filter(sessions::ended_at.is_null())
        .select((sessions::account_id, sessions::id));
    let found: Option<(Key, Key)> = dispatch!(connection, inner => bound.first(inner).optional())?;
    Ok(found.map(|(account, session)| (account.into(), session.into())))
}

/// Ends the session if it is live, and revokes its access tokens.
pub(crate) fn end_one(
    connection: &mut Connection,
    session: SessionId,
    ending: SessionEnd,
) -> Result<Revoked, Failure> {
    let live = sessions::table.find(Key::from(session)).filter(sessions::ended_at.is_null());
    let end = diesel::update(live).set(columns(ending));
    let has_ended = dispatch!(connection, inner => end.execute(inner))? == 1;
    let ended = has_ended.then_some(session.into());
    revoke(connection, ended.into_iter().collect(), ending)
}

/// Ends every live session of the account except `keep`, and revokes their access tokens.
///
/// Locks the row of the account first, as every operation on several sessions does, so that two of
/// them cannot deadlock.
pub(crate) fn end_all(
    connection: &mut Connection,
    account: AccountId,
    keep: Option<SessionId>,
    ending: SessionEnd,
) -> Result<Revoked, Failure> {
    lock_account(connection, account)?;
    let live = sessions::table
        .filter(sessions::account_id.eq(Key::from(account)))
        .filter(sessions::id.ne_all(keep.map(Key::from)))
        .filter(sessions::ended_at.is_null());
    let end = diesel::update(live).set(columns(ending)).returning(sessions::id);
    let ended = dispatch!(connection, inner => end.get_results(inner))?;
    revoke(connection, ended, ending)
}

/// Ends the live ones of these sessions, revokes their access tokens, and returns the revocations.
/// The caller holds the lock on the row of the account.
pub(crate) fn end_these(
    connection: &mut Connection,
    these: Vec<Key>,
    ending: SessionEnd,
) -> Result<Revoked, Failure> {
    if these.is_empty() {
        return Ok(Revoked::default());
    }
    let live =
        sessions::table.filter(sessions::id.eq_any(these)).filter(sessions::ended_at.is_null());
    let end = diesel::update(live).set(columns(ending)).returning(sessions::id);
    let ended = dispatch!(connection, inner => end.get_results(inner))?;
    revoke(connection, ended, ending)
}

fn columns(ending: SessionEnd) -> (Ended, Reason) {
    (
        sessions::ended_at.eq(Some(ending.at.into())),
        sessions::end_reason.eq(Some(ending.reason.as_str())),
    )
}

type Ended = diesel::dsl::Eq<sessions::ended_at, Option<Instant>>;
type Reason = diesel::dsl::Eq<sessions::end_reason, Option<&'static str>>;

fn revoke(
    connection: &mut Connection,
    ended: Vec<Key>,
    ending: SessionEnd,
) -> Result<Revoked, Failure> {
    let entry = |session: Key| RevocationEntry {
        revocation: Revocation::Session(session.into()),
        until: ending.revoked_until,
    };
    revocation::record(connection, ended.into_iter().map(entry).collect(), ending.at)
}

/// Locks the row of the account until the transaction ends.
pub(crate) fn lock_account(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    let row = accounts::table.find(Key::from(account)).select(accounts::id);
    if let Inner::Postgres(inner) = &mut connection.inner {
        row.for_no_key_update().first::<Key>(inner).optional()?;
    }
    Ok(())
}
