//! `OverviewStore`: what there is now, counted up to a limit.

use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::node::overview::{OverviewStore, PresentCounts};

use crate::connection::dispatch;
use crate::schema::{accounts, sessions};
use crate::sign_in::lockout_directory;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl OverviewStore for Store {
    fn count_present(&self, most: u32) -> Result<PresentCounts, StoreError> {
        self.read_snapshot(|connection| {
            let now = Instant::from(connection.now()?);
            let active = accounts::table.filter(accounts::is_active).select(accounts::id);
            let active: Vec<Key> =
                dispatch!(connection, inner => active.limit(most.into()).load(inner))?;
            let live = sessions::table
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(now))
                .select(sessions::id);
            let live: Vec<Key> =
                dispatch!(connection, inner => live.limit(most.into()).load(inner))?;
            let number = |keys: &[Key]| u64::try_from(keys.len()).unwrap_or(u64::MAX);
            Ok(PresentCounts {
                active_accounts: number(&active),
                sessions: number(&live),
                lockouts: lockout_directory::count(connection, most)?,
            })
        })
    }
}
