//! `IntrospectionStore`: the live session of a refresh token, tables `sessions` and `accounts`.

use diesel::dsl::not;
use diesel::prelude::*;
use portcullis_domain::{Account, Session, SessionId, Timestamp, TokenId};
use portcullis_flows::StoreError;
use portcullis_flows::machine::introspection::IntrospectionStore;

use crate::connection::dispatch;
use crate::identity::account::AccountRow;
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
    ) -> Result<Option<(Session, Account)>, StoreError> {
        self.read(|connection| {
            let owner = accounts::table.on(accounts::id.eq(sessions::account_id));
            let live = sessions::table
                .inner_join(owner)
                .filter(sessions::id.eq(Key::from(session)))
                .filter(sessions::current_token.eq(Key::from(token)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(Instant::from(now)))
                .filter(accounts::is_active.and(not(accounts::is_blocked)));
            let found: Option<(SessionRow, AccountRow)> = dispatch!(connection, inner => {
                let row = (SessionRow::as_select(), AccountRow::as_select());
                live.select(row).first(inner).optional()
            })?;
            let read = |(session, account): (SessionRow, AccountRow)| {
                Ok((Session::try_from(&session)?, Account::try_from(account)?))
            };
            found.map(read).transpose()
        })
    }
}
