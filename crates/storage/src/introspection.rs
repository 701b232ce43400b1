use diesel::dsl::exists;
use diesel::prelude::*;
use portcullis_domain::{SessionId, Timestamp, TokenId};
use portcullis_flows::StoreError;
use portcullis_flows::introspection::IntrospectionStore;

use crate::connection::dispatch;
use crate::schema::{accounts, sessions};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl IntrospectionStore for Store {
    fn is_live_refresh_token(
        &self,
        session: SessionId,
        token: TokenId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.read(|connection| {
            let active = accounts::table
                .filter(accounts::id.eq(sessions::account_id))
                .filter(accounts::is_active);
            let live = sessions::table
                .find(Key::from(session))
                .filter(sessions::current_token.eq(Key::from(token)))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(Instant::from(now)))
                .filter(exists(active));
            let look = diesel::select(exists(live));
            Ok(dispatch!(connection, inner => look.get_result(inner))?)
        })
    }
}
