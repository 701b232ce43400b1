//! `RefreshStore`: rotates refresh tokens and detects their reuse. Tables `sessions`,
//! `refresh_tokens`, `accounts`, `revocations`.

use diesel::prelude::*;
use portcullis_audit::Origin;
use portcullis_domain::{
    Account, AccountId, Session, SessionId, Timestamp, TokenId, constant_time_eq,
};
use portcullis_flows::StoreError;
use portcullis_flows::sign_in::refresh::{RefreshStore, ReuseSign, Rotated, Rotation};
use portcullis_flows::sign_in::session_tokens::{AccountSnapshot, OnReuse, SessionEnd};

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::prepared::Prepared;
use crate::schema::{refresh_tokens, sessions};
use crate::sign_in::authentication;
use crate::sign_in::family;
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl RefreshStore for Store {
    fn rotate(&self, rotation: &Rotation<'_>) -> Result<Rotated, StoreError> {
        let rotated = self.write(|connection| match judge(connection, rotation)? {
            RefreshTokenState::Invalid => Ok(Ok(Rotated::Refused)),
            RefreshTokenState::Current(found) => advance(connection, rotation, *found).map(Ok),
            RefreshTokenState::Previous(found) => Ok(Ok(repeated(*found))),
            RefreshTokenState::Outside(account) => Ok(Ok(Rotated::Outside(account))),
            RefreshTokenState::Reused(_, found) => Ok(Err(found.session.account_id)),
        })?;
        match rotated {
            Ok(rotated) => Ok(rotated),
            // In a separate transaction, because ending sessions locks the account first.
            Err(account) => self.write_recorded(rotation.effects, |connection| {
                sign_out::lock_account(connection, account.into())?;
                match judge(connection, rotation)? {
                    RefreshTokenState::Reused(sign, found) => {
                        end(connection, rotation, sign, &found)
                    }
                    // Another request was faster; one theft raises one alarm.
                    _ => Ok(Rotated::Refused),
                }
            }),
        }
    }
}

/// The state of the presented token.
enum RefreshTokenState {
    /// Invalid: nothing changes.
    Invalid,
    /// The current token.
    Current(Box<LockedSession>),
    /// The parent of an unused current token, presented by the same client.
    Previous(Box<LockedSession>),
    /// One of the two, and the client is outside the networks of the account: nothing changes.
    Outside(AccountId),
    /// A used token: a sign of loss or theft.
    Reused(ReuseSign, Box<LockedSession>),
}

/// A live session and its account, read at one moment.
struct LockedSession {
    session: SessionRow,
    snapshot: AccountSnapshot,
    living: Session,
    now: Timestamp,
}

/// Determines the state of the presented token, and locks the session until the transaction ends.
fn judge(
    connection: &mut Connection,
    rotation: &Rotation<'_>,
) -> Result<RefreshTokenState, Failure> {
    let Some(session) = lock_session(connection, rotation.session)? else {
        return Ok(RefreshTokenState::Invalid);
    };
    let (snapshot, now) = account::snapshot_now(connection, session.account_id.into())?
        .ok_or(Failure::Corrupt { table: "sessions", column: "account_id" })?;
    let Account { is_active, is_blocked, .. } = snapshot.account;
    if !session.is_live(now) || !is_active || is_blocked {
        return Ok(RefreshTokenState::Invalid);
    }
    let living = Session::try_from(&session)?;
    let Some(living) = (rotation.lives)(&living, &snapshot.account.role, now) else {
        return Ok(RefreshTokenState::Invalid);
    };
    let (presented, binding) = (Key::from(rotation.presented), session.binding(rotation));
    let is_live = session.current_token == presented;
    let is_parent = session.previous_token == Some(presented);
    let in_time = now.since(session.rotated_at.into()) <= rotation.grace;
    let outside = (!(rotation.admits)(&snapshot.account))
        .then_some(RefreshTokenState::Outside(snapshot.account.id));
    let found = Box::new(LockedSession { session, snapshot, living, now });
    Ok(match binding {
        Binding::Wrong if is_live => RefreshTokenState::Invalid,
        _ if is_live => outside.unwrap_or(RefreshTokenState::Current(found)),
        Binding::Right if is_parent => outside.unwrap_or(RefreshTokenState::Previous(found)),
        Binding::None if is_parent && in_time => {
            outside.unwrap_or(RefreshTokenState::Previous(found))
        }
        Binding::None if is_parent => RefreshTokenState::Reused(ReuseSign::LossOrTheft, found),
        _ if was_issued(connection, rotation)? => {
            RefreshTokenState::Reused(ReuseSign::Reuse, found)
        }
        _ => RefreshTokenState::Invalid,
    })
}

fn lock_session(
    connection: &mut Connection,
    session: SessionId,
) -> Result<Option<SessionRow>, Failure> {
    let query = sessions::table.find(Key::from(session));
    Ok(match &mut connection.inner {
        Inner::Postgres(inner) => {
            let locked = query.select(SessionRow::as_select()).for_no_key_update();
            locked.first(inner).optional()?
        }
        Inner::Sqlite(inner) => query.select(SessionRow::as_select()).first(inner).optional()?,
    })
}

/// Replaces the current token, which is the presented one.
fn advance(
    connection: &mut Connection,
    rotation: &Rotation<'_>,
    found: LockedSession,
) -> Result<Rotated, Failure> {
    let LockedSession { snapshot, living, now, .. } = found;
    let advance = diesel::update(sessions::table.find(Key::from(rotation.session))).set((
        sessions::previous_token.eq(Key::from(rotation.presented)),
        sessions::current_token.eq(Key::from(rotation.successor)),
        sessions::rotated_at.eq(Instant::from(now)),
    ));
    let advanced = advance.returning(sessions::id);
    let _: Key = dispatch!(connection, inner => Prepared(advanced).get_result(inner))?;
    if rotation.successor != rotation.presented {
        insert_token(
            connection,
            rotation.session,
            rotation.successor,
            Some(rotation.presented),
            rotation.origin,
            now,
        )?;
    }
    Ok(Rotated::Done { snapshot, session: living, at: now })
}

fn repeated(found: LockedSession) -> Rotated {
    let LockedSession { session, snapshot, living, now } = found;
    Rotated::Repeated {
        snapshot,
        session: living,
        successor: session.current_token.into(),
        rotated_at: session.rotated_at.into(),
        at: now,
    }
}

/// Ends the sessions that the policy selects, and reads the family for the audit event.
fn end(
    connection: &mut Connection,
    rotation: &Rotation<'_>,
    sign: ReuseSign,
    found: &LockedSession,
) -> Result<Rotated, Failure> {
    let LockedSession { session, now, .. } = found;
    let (account, at) = (session.account_id.into(), *now);
    let ending = SessionEnd { reason: sign.reason(), at, revoked_until: at + rotation.revoked_for };
    let revoked = match sign.ends(rotation.on_reuse) {
        OnReuse::EndAllSessions => sign_out::end_all(connection, account, None, ending)?,
        OnReuse::EndThisSession => sign_out::end_one(connection, rotation.session, ending)?,
    };
    let family = family::tree(
        connection,
        rotation.session,
        session.current_token.into(),
        rotation.presented,
    )?;
    Ok(Rotated::Reused { sign, account, family, at, revoked })
}

/// Returns whether the presented token was issued for this session.
fn was_issued(connection: &mut Connection, rotation: &Rotation<'_>) -> Result<bool, Failure> {
    let token = refresh_tokens::table
        .find(Key::from(rotation.presented))
        .filter(refresh_tokens::session_id.eq(Key::from(rotation.session)));
    let look = diesel::select(diesel::dsl::exists(token));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

/// Inserts a token into its family.
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
    proven_at: Option<Instant>,
    expires_at: Instant,
    ended_at: Option<Instant>,
    amr: String,
    acr: String,
}

impl SessionRow {
    fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && Timestamp::from(self.expires_at) > now
    }

    /// Compares the binding that the client presents with that of the session.
    fn binding(&self, rotation: &Rotation<'_>) -> Binding {
        match (&self.binding, &rotation.binding) {
            (None, _) => Binding::None,
            (Some(expected), Some(shown)) if constant_time_eq(expected, shown.as_bytes()) => {
                Binding::Right
            }
            (Some(_), _) => Binding::Wrong,
        }
    }
}

/// The result of comparing the binding that the client presents with that of the session.
#[derive(Clone, Copy)]
enum Binding {
    /// The session has no binding.
    None,
    /// The binding matches.
    Right,
    /// The binding differs or is missing.
    Wrong,
}

impl TryFrom<&SessionRow> for Session {
    type Error = Failure;

    fn try_from(row: &SessionRow) -> Result<Self, Failure> {
        let corrupt = |column| Failure::Corrupt { table: "sessions", column };
        Ok(Self {
            id: row.id.into(),
            account_id: row.account_id.into(),
            delivery: row.delivery.parse().map_err(|_| corrupt("delivery"))?,
            authentication: authentication::read(&row.amr, &row.acr)?,
            authenticated_at: row.authenticated_at.into(),
            proven_at: row.proven_at.unwrap_or(row.authenticated_at).into(),
            expires_at: row.expires_at.into(),
        })
    }
}
