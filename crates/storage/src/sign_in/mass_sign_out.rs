//! `MassSignOutStore`: ends sessions of all accounts in batches, tables `sessions` and `accounts`.

use diesel::prelude::*;
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::identity::account_change::Refusal;
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::mass_sign_out::{MassEnded, MassEnding, MassSignOutStore};
use portcullis_flows::sign_in::session_tokens::SessionEnd;

use crate::access::matrix;
use crate::connection::{Connection, Inner, Lock, dispatch};
use crate::failure::Failure;
use crate::principal;
use crate::schema::{accounts, sessions};
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl MassSignOutStore for Store {
    fn end_sessions_of_all(&self, ending: &MassEnding<'_>) -> Result<MassEnded, StoreError> {
        self.write_recorded(ending.effects, |connection| {
            Lock::Matrix.take(connection)?;
            let principal = ending.principal;
            if !principal.is_operator() {
                if matrix::revision(connection)? != ending.revision {
                    return Ok(MassEnded::Superseded);
                }
                if let Some(refusal) = refusal(connection, ending, principal)? {
                    return Ok(MassEnded::Refused(refusal));
                }
            }
            let (found, before) = find(connection, ending)?;
            let now = connection.now()?;
            let revoked_until = now + ending.revoked_for;
            let over = SessionEnd { reason: ending.reason, at: now, revoked_until };
            let revoked = sign_out::end_these(connection, found, over)?;
            Ok(MassEnded::Done { revoked, before })
        })
    }
}

fn refusal(
    connection: &mut Connection,
    ending: &MassEnding<'_>,
    principal: &Principal,
) -> Result<Option<Refusal>, Failure> {
    Ok(if !principal::is_entitled(connection, principal)? {
        Some(Refusal::CallerChanged)
    } else if principal.role.as_ref() != Some(ending.most_senior) {
        Some(Refusal::AboveOwnRole)
    } else {
        None
    })
}

/// Returns a batch of the sessions to end, and the time before which they were opened. Locks the
/// rows of their accounts in the order of their ids, as every operation on several sessions does.
fn find(
    connection: &mut Connection,
    ending: &MassEnding<'_>,
) -> Result<(Vec<Key>, Timestamp), Failure> {
    let before = match ending.before {
        Some(before) => before,
        None => connection.now()?,
    };
    let live = sessions::table
        .filter(sessions::ended_at.is_null())
        .filter(sessions::authenticated_at.le(Instant::from(before)))
        .filter(sessions::id.ne_all(ending.spared.map(Key::from)))
        .limit(ending.most.into())
        .select((sessions::id, sessions::account_id));
    let found: Vec<(Key, Key)> = dispatch!(connection, inner => live.load(inner))?;
    let (found, owners): (Vec<Key>, Vec<Key>) = found.into_iter().unzip();
    if let Inner::Postgres(inner) = &mut connection.inner {
        accounts::table
            .filter(accounts::id.eq_any(owners))
            .order(accounts::id)
            .select(accounts::id)
            .for_no_key_update()
            .load::<Key>(inner)?;
    }
    Ok((found, before))
}
