//! Replacement of a session: the calling session is locked, and continues in a new one.

use diesel::prelude::*;
use portcullis_audit::Origin;
use portcullis_domain::{AccountId, Delivery, Session, SessionId, Timestamp};
use portcullis_flows::sign_in::replacement::ReplacementSession;

use crate::connection::{Connection, Inner};
use crate::failure::Failure;
use crate::schema::sessions;
use crate::sign_in::refresh::SessionRow;
use crate::sign_in::session::{self, NewSession};
use crate::sql_type::{Instant, Key};

/// A locked live session.
#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct CurrentSessionRow {
    #[diesel(embed)]
    pub(crate) session: SessionRow,
    device_name: Option<String>,
    device_id: Option<Vec<u8>>,
    opened_from: Option<String>,
    /// Its latest refresh token.
    current_token: Key,
}

/// Locks the session until the transaction ends; `None` if the account has no such live session.
pub(crate) fn lock_current(
    connection: &mut Connection,
    account: AccountId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<CurrentSessionRow>, Failure> {
    let live = sessions::table
        .find(Key::from(session))
        .filter(sessions::account_id.eq(Key::from(account)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(Instant::from(now)));
    Ok(match &mut connection.inner {
        Inner::Postgres(inner) => {
            let locked = live.select(CurrentSessionRow::as_select()).for_no_key_update();
            locked.first(inner).optional()?
        }
        Inner::Sqlite(inner) => {
            live.select(CurrentSessionRow::as_select()).first(inner).optional()?
        }
    })
}

/// Opens the session that replaces the locked one, with the changes that `changed` makes. Its first
/// token has the latest token of the former session as its parent, so that the family stays
/// connected.
pub(crate) fn succeed(
    connection: &mut Connection,
    current: CurrentSessionRow,
    successor: &ReplacementSession,
    changed: impl FnOnce(Session) -> Session,
    origin: &Origin,
    at: Timestamp,
) -> Result<Session, Failure> {
    let CurrentSessionRow { session: former, device_name, device_id, opened_from, current_token } =
        current;
    let former = Session { id: successor.session, ..Session::try_from(&former)? };
    let session = changed(former);
    let bound = session.delivery == Delivery::Cookie;
    session::insert(
        connection,
        &NewSession {
            session: &session,
            binding: bound.then_some(&successor.binding),
            device_name: device_name.as_deref(),
            device: device_id.as_deref(),
            opened_from: opened_from.as_deref(),
            refresh: successor.refresh,
            parent: Some(current_token.into()),
            origin,
            at,
        },
    )?;
    Ok(session)
}
