use diesel::prelude::*;
use portcullis_audit::{EventRecord, Origin};
use portcullis_domain::{Session, SessionId, Timestamp, TokenId, constant_time_eq};
use portcullis_flows::StoreError;
use portcullis_flows::grant::{Grantee, OnReuse};
use portcullis_flows::refresh::{RefreshStore, Rotated, Rotation};

use crate::account;
use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::family;
use crate::outbox;
use crate::prepared::Prepared;
use crate::schema::{accounts, refresh_tokens, sessions};
use crate::sign_out::{self, Ending};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl RefreshStore for Store {
    fn rotate(&self, rotation: &Rotation<'_>) -> Result<Rotated, StoreError> {
        let advanced = self.write(|connection| {
            let session = advance(connection, rotation)?;
            session.map(|session| done(connection, rotation, session)).transpose()
        })?;
        match advanced {
            Some(done) => Ok(done),
            // In a transaction of its own: PostgreSQL keeps the lock on a session for which
            // `advance` waited in vain, and whoever ends sessions must lock the account first.
            // Nothing can have made the presented token the live one since.
            None => self.write_recorded(|connection, events| explain(connection, rotation, events)),
        }
    }
}

/// Replaces the live token, if it is the presented one. This statement is the whole guard.
fn advance(
    connection: &mut Connection,
    rotation: &Rotation<'_>,
) -> Result<Option<SessionRow>, Failure> {
    let binding = rotation.binding.as_ref().map(|digest| digest.as_bytes().as_slice());
    let active =
        accounts::table.filter(accounts::id.eq(sessions::account_id)).filter(accounts::is_active);
    let live = sessions::table
        .find(Key::from(rotation.session))
        .filter(sessions::current_token.eq(Key::from(rotation.presented)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(Instant::from(rotation.now)))
        .filter(sessions::binding.is_null().or(sessions::binding.eq(binding)))
        .filter(diesel::dsl::exists(active));
    let advance = diesel::update(live).set((
        sessions::previous_token.eq(Key::from(rotation.presented)),
        sessions::current_token.eq(Key::from(rotation.successor)),
        sessions::rotated_at.eq(Instant::from(rotation.now)),
    ));
    Ok(dispatch!(connection, inner => {
        Prepared(advance.returning(SessionRow::as_returning())).get_result(inner).optional()
    })?)
}

fn done(
    connection: &mut Connection,
    rotation: &Rotation<'_>,
    session: SessionRow,
) -> Result<Rotated, Failure> {
    let grantee = owner(connection, &session)?;
    if rotation.successor != rotation.presented {
        insert_token(
            connection,
            rotation.session,
            rotation.successor,
            Some(rotation.presented),
            rotation.origin,
            rotation.now,
        )?;
    }
    Ok(Rotated::Done { grantee, session: session.try_into()? })
}

/// The presented token is not the live one: what is it?
fn explain(
    connection: &mut Connection,
    rotation: &Rotation<'_>,
    events: &mut Vec<EventRecord>,
) -> Result<Rotated, Failure> {
    let query = sessions::table.find(Key::from(rotation.session));
    let found = dispatch!(connection, inner => {
        query.select(SessionRow::as_select()).first(inner).optional()
    })?;
    let Some(session) = found.filter(|session| session.is_live(rotation.now)) else {
        return Ok(Rotated::Refused);
    };
    let presented = Key::from(rotation.presented);
    if session.current_token == presented {
        return Ok(Rotated::Refused);
    }
    if session.is_within_grace(rotation) {
        match (&session.binding, &rotation.binding) {
            (None, _) | (_, None) => return Ok(Rotated::Conflict),
            (Some(expected), Some(shown)) if constant_time_eq(expected, shown.as_bytes()) => {
                return repeated(connection, session);
            }
            (Some(_), Some(_)) => {}
        }
    }
    if !was_issued(connection, rotation)? {
        return Ok(Rotated::Refused);
    }
    reused(connection, rotation, &session, events)
}

fn repeated(connection: &mut Connection, session: SessionRow) -> Result<Rotated, Failure> {
    let grantee = owner(connection, &session)?;
    if !grantee.account.is_active {
        return Ok(Rotated::Refused);
    }
    Ok(Rotated::Repeated {
        grantee,
        successor: session.current_token.into(),
        rotated_at: session.rotated_at.into(),
        session: session.try_into()?,
    })
}

/// Ends what the policy says, tells the auditors the whole story and the owner that there is one.
fn reused(
    connection: &mut Connection,
    rotation: &Rotation<'_>,
    session: &SessionRow,
    events: &mut Vec<EventRecord>,
) -> Result<Rotated, Failure> {
    let ending = Ending {
        reason: rotation.reuse.kind,
        at: rotation.now,
        revoked_until: rotation.revoked_until,
    };
    let ended = match rotation.on_reuse {
        OnReuse::EndAllSessions => {
            sign_out::end_all(connection, session.account_id.into(), None, ending)?
        }
        OnReuse::EndThisSession => {
            let ended = sign_out::end_one(connection, rotation.session, ending)?;
            ended.then_some(rotation.session).into_iter().collect()
        }
    };
    if ended.is_empty() {
        // Another request was faster; one theft is one alarm.
        return Ok(Rotated::Refused);
    }
    let details = family::tree(
        connection,
        rotation.session,
        session.current_token.into(),
        rotation.presented,
    )?;
    let event = rotation.reuse.clone().with(details).ending(ended.len());
    outbox::queue(connection, session.account_id.into(), &event)?;
    events.push((&event).into());
    Ok(Rotated::Reused { ended })
}

/// Whether the presented token is one this session really had.
fn was_issued(connection: &mut Connection, rotation: &Rotation<'_>) -> Result<bool, Failure> {
    let token = refresh_tokens::table
        .find(Key::from(rotation.presented))
        .filter(refresh_tokens::session_id.eq(Key::from(rotation.session)));
    let look = diesel::select(diesel::dsl::exists(token));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

fn owner(connection: &mut Connection, session: &SessionRow) -> Result<Grantee, Failure> {
    account::find_grantee(connection, session.account_id.into())?
        .ok_or(Failure::Corrupt { table: "sessions", column: "account_id" })
}

/// Adds a token to the family tree.
pub(crate) fn insert_token(
    connection: &mut Connection,
    session: SessionId,
    token: TokenId,
    parent: Option<TokenId>,
    origin: &Origin,
    now: Timestamp,
) -> Result<(), Failure> {
    let insert = diesel::insert_into(refresh_tokens::table).values((
        refresh_tokens::id.eq(Key::from(token)),
        refresh_tokens::session_id.eq(Key::from(session)),
        refresh_tokens::parent_id.eq(parent.map(Key::from)),
        refresh_tokens::issued_at.eq(Instant::from(now)),
        refresh_tokens::address.eq(origin.address.to_string()),
        refresh_tokens::user_agent.eq(origin.user_agent.as_deref()),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct SessionRow {
    id: Key,
    account_id: Key,
    delivery: String,
    binding: Option<Vec<u8>>,
    current_token: Key,
    previous_token: Option<Key>,
    rotated_at: Instant,
    authenticated_at: Instant,
    expires_at: Instant,
    ended_at: Option<Instant>,
}

impl SessionRow {
    fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && Timestamp::from(self.expires_at) > now
    }

    /// Whether the presented token is the parent of the live one and was so a moment ago. A live
    /// token whose parent is remembered has not been used yet.
    fn is_within_grace(&self, rotation: &Rotation<'_>) -> bool {
        self.previous_token == Some(Key::from(rotation.presented))
            && rotation.now.since(self.rotated_at.into()) <= rotation.grace
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = Failure;

    fn try_from(row: SessionRow) -> Result<Self, Failure> {
        let corrupt = |column| Failure::Corrupt { table: "sessions", column };
        Ok(Self {
            id: row.id.into(),
            account_id: row.account_id.into(),
            delivery: row.delivery.parse().map_err(|_| corrupt("delivery"))?,
            authenticated_at: row.authenticated_at.into(),
            expires_at: row.expires_at.into(),
        })
    }
}
