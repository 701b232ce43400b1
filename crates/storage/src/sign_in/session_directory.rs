//! `SessionDirectoryStore`: the live sessions of all accounts, tables `sessions`, `refresh_tokens` and
//! `accounts`.

use diesel::prelude::*;
use portcullis_domain::{Role, SessionId, Timestamp, Username};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::sign_in::session_directory::{
    ListedSession, SessionDirectoryStore, StoredSessionPage,
};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, refresh_tokens, sessions};
use crate::sign_in::session::ActiveSessionRow;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl SessionDirectoryStore for Store {
    fn list_sessions(
        &self,
        after: Option<SessionId>,
        most: u32,
        now: Timestamp,
        effects: &Effects,
    ) -> Result<StoredSessionPage, StoreError> {
        // A long list must not hold up the writers of SQLite.
        let page = self.read_snapshot(|connection| page(connection, after, most, now))?;
        self.write_with(|_| Ok((page, effects.clone())))
    }
}

/// The ids of sessions are in the order of their sign-ins.
fn page(
    connection: &mut Connection,
    after: Option<SessionId>,
    most: u32,
    now: Timestamp,
) -> Result<StoredSessionPage, Failure> {
    let rows: Vec<(ActiveSessionRow, Key, String, String)> = dispatch!(connection, inner => {
        let latest = refresh_tokens::table.on(refresh_tokens::id.eq(sessions::current_token));
        let mut live = sessions::table
            .inner_join(latest)
            .inner_join(accounts::table.on(accounts::id.eq(sessions::account_id)))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(Instant::from(now)))
            .into_boxed();
        if let Some(after) = after {
            live = live.filter(sessions::id.lt(Key::from(after)));
        }
        live.order(sessions::id.desc())
            .limit(i64::from(most) + 1)
            .select((
                ActiveSessionRow::as_select(),
                accounts::id,
                accounts::username,
                accounts::role,
            ))
            .load(inner)
    })?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let has_more = rows.len() > most;
    let sessions = rows.into_iter().take(most).map(listed).collect::<Result<Vec<_>, _>>()?;
    let next = sessions.last().filter(|_| has_more).map(|(last, _)| last.session.id);
    Ok(StoredSessionPage { sessions, next })
}

fn listed(
    (session, account, username, role): (ActiveSessionRow, Key, String, String),
) -> Result<(ListedSession, Role), Failure> {
    let corrupt = |column| Failure::Corrupt { table: "accounts", column };
    let listed = ListedSession {
        account: account.into(),
        username: Username::parse(&username).map_err(|_| corrupt("username"))?,
        session: session.try_into()?,
    };
    Ok((listed, Role::parse(&role).map_err(|_| corrupt("role"))?))
}
