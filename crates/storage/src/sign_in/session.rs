//! `SessionStore`: lists and ends the sessions of one account, tables `sessions` and
//! `refresh_tokens`.

use diesel::prelude::*;
use portcullis_audit::Origin;
use portcullis_domain::{AccountId, Role, Session, SessionId, Timestamp, TokenId};
use portcullis_flows::StoreError;
use portcullis_flows::effects::{Effects, EffectsOf};
use portcullis_flows::node::revocation::Revoked;
use portcullis_flows::sign_in::session::{ActiveSession, SessionStore};
use portcullis_flows::sign_in::session_tokens::SessionEnd;
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::node::revocation;
use crate::schema::{accounts, refresh_tokens, sessions};
use crate::sign_in::authentication;
use crate::sign_in::refresh;
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl SessionStore for Store {
    fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<(Role, Vec<ActiveSession>)>, StoreError> {
        self.read(|connection| {
            let role = accounts::table.find(Key::from(account)).select(accounts::role);
            let role: Option<String> =
                dispatch!(connection, inner => role.first(inner).optional())?;
            let Some(role) = role else { return Ok(None) };
            let corrupt = |_| Failure::Corrupt { table: "accounts", column: "role" };
            let role = Role::parse(&role).map_err(corrupt)?;
            let latest = refresh_tokens::table.on(refresh_tokens::id.eq(sessions::current_token));
            let live = sessions::table
                .inner_join(latest)
                .filter(sessions::account_id.eq(Key::from(account)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(Instant::from(now)))
                .order(sessions::id.desc());
            let rows: Vec<ActiveSessionRow> = dispatch!(connection, inner => {
                live.select(ActiveSessionRow::as_select()).load(inner)
            })?;
            let live: Result<_, Failure> = rows.into_iter().map(ActiveSession::try_from).collect();
            Ok(Some((role, live?)))
        })
    }

    fn end_session_of(
        &self,
        account: AccountId,
        session: SessionId,
        ending: SessionEnd,
        effects: &Effects,
    ) -> Result<Revoked, StoreError> {
        self.write_recorded(&revocation::if_any(effects), |connection| {
            if !is_live(connection, session, account, ending.at)? {
                return Ok(Revoked::default());
            }
            sign_out::end_one(connection, session, ending)
        })
    }

    fn end_other_sessions(
        &self,
        account: AccountId,
        keep: SessionId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Revoked>,
    ) -> Result<Revoked, StoreError> {
        self.write_recorded(effects, |connection| {
            sign_out::end_all(connection, account, Some(keep), ending)
        })
    }
}

/// A session to insert.
pub(crate) struct NewSession<'a> {
    pub(crate) session: &'a Session,
    pub(crate) binding: Option<&'a Digest>,
    pub(crate) device_name: Option<&'a str>,
    /// The id of the known device.
    pub(crate) device: Option<&'a [u8]>,
    /// The client address of the sign-in.
    pub(crate) opened_from: Option<&'a str>,
    pub(crate) refresh: TokenId,
    /// The parent of the first refresh token.
    pub(crate) parent: Option<TokenId>,
    pub(crate) origin: &'a Origin,
    pub(crate) at: Timestamp,
}

/// Inserts a session and its first refresh token.
pub(crate) fn insert(connection: &mut Connection, new: &NewSession<'_>) -> Result<(), Failure> {
    let NewSession { session, refresh, at, .. } = *new;
    let insert = diesel::insert_into(sessions::table).values((
        sessions::id.eq(Key::from(session.id)),
        sessions::account_id.eq(Key::from(session.account_id)),
        sessions::delivery.eq(session.delivery.as_str()),
        sessions::binding.eq(new.binding.map(|digest| digest.as_bytes().as_slice())),
        sessions::device_name.eq(new.device_name),
        sessions::device_id.eq(new.device),
        sessions::opened_from.eq(new.opened_from),
        sessions::current_token.eq(Key::from(refresh)),
        sessions::rotated_at.eq(Instant::from(at)),
        sessions::authenticated_at.eq(Instant::from(session.authenticated_at)),
        sessions::proven_at.eq(Some(Instant::from(session.proven_at))),
        sessions::expires_at.eq(Instant::from(session.expires_at)),
        sessions::amr.eq(authentication::amr(&session.authentication)),
        sessions::acr.eq(session.authentication.assurance.as_str()),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    refresh::insert_token(connection, session.id, refresh, new.parent, new.origin, at)
}

/// True if the session belongs to the account, has not been ended, and has not expired.
pub(crate) fn is_live(
    connection: &mut Connection,
    session: SessionId,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, Failure> {
    let own = sessions::table
        .find(Key::from(session))
        .filter(sessions::account_id.eq(Key::from(account)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(Instant::from(now)));
    let look = diesel::select(diesel::dsl::exists(own));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct ActiveSessionRow {
    id: Key,
    device_name: Option<String>,
    rotated_at: Instant,
    authenticated_at: Instant,
    expires_at: Instant,
    #[diesel(embed)]
    latest: LatestRow,
}

/// The latest refresh token of a session.
#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
pub(crate) struct LatestRow {
    address: String,
    user_agent: Option<String>,
}

impl TryFrom<ActiveSessionRow> for ActiveSession {
    type Error = Failure;

    fn try_from(row: ActiveSessionRow) -> Result<Self, Failure> {
        let address = row.latest.address.parse();
        Ok(Self {
            id: row.id.into(),
            device_name: row.device_name.as_deref().and_then(account::shown),
            address: address
                .map_err(|_| Failure::Corrupt { table: "refresh_tokens", column: "address" })?,
            user_agent: row.latest.user_agent,
            created_at: row.authenticated_at.into(),
            last_used_at: row.rotated_at.into(),
            ends_at: row.expires_at.into(),
        })
    }
}
