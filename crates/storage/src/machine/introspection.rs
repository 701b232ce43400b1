//! `IntrospectionStore`: the live session of a refresh token, tables `sessions` and `accounts`.

use diesel::dsl::not;
use diesel::prelude::*;
use portcullis_domain::{Role, Session, SessionId, Timestamp, TokenId};
use portcullis_flows::StoreError;
use portcullis_flows::machine::introspection::IntrospectionStore;

use crate::connection::dispatch;
use crate::failure::Failure;
use crate::schema::{accounts, sessions};
use crate::sign_in::refresh::SessionRow;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl IntrospectionStore for Store {
    fn session_of_refresh_token(
        &self,
        session: SessionId,
        token: TokenId,
        now: Timestamp,
    ) -> Result<Option<(Session, Role)>, StoreError> {
        self.read(|connection| {
            let owner = accounts::table.on(accounts::id.eq(sessions::account_id));
            let live = sessions::table
                .inner_join(owner)
                .filter(sessions::id.eq(Key::from(session)))
                .filter(sessions::current_token.eq(Key::from(token)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(Instant::from(now)))
                .filter(accounts::is_active.and(not(accounts::is_blocked)));
            let found: Option<(SessionRow, String)> = dispatch!(connection, inner => {
                live.select((SessionRow::as_select(), accounts::role)).first(inner).optional()
            })?;
            let corrupt = |_| Failure::Corrupt { table: "accounts", column: "role" };
            let read = |(row, role): (SessionRow, String)| {
                Ok((Session::try_from(&row)?, Role::parse(&role).map_err(corrupt)?))
            };
            found.map(read).transpose()
        })
    }
}
