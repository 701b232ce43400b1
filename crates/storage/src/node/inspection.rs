//! Direct SQL on a database, for tests only.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;

use crate::connection::dispatch;
use crate::database::Database;
use crate::database_url::DatabaseUrl;
use crate::store::Store;

/// The pool timeout of concurrency tests on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Store {
    /// Appends effects in a transaction of their own.
    pub fn append_effects(&self, effects: Effects) -> Result<(), StoreError> {
        self.write_with(|_| Ok(((), effects)))
    }
}

impl Database {
    /// Opens a database for concurrency tests: a thread waits longer for a free connection.
    pub fn patient(url: &DatabaseUrl, connections: u32) -> Self {
        Self::with_patience(url, connections, TIMEOUT)
    }

    /// Runs statements unchanged.
    pub fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.write(|connection| Ok(dispatch!(connection, inner => inner.batch_execute(sql))?))
    }

    /// Runs statements in a transaction that stays open while `meanwhile` runs.
    pub fn execute_around(&self, sql: &str, meanwhile: impl FnOnce()) -> Result<(), StoreError> {
        self.write(|connection| {
            dispatch!(connection, inner => inner.batch_execute(sql))?;
            meanwhile();
            Ok(())
        })
    }

    /// Reverts every migration but the first.
    pub fn revert_to_first_migration(&self) -> Result<(), StoreError> {
        while self.number("SELECT count(*) FROM __diesel_schema_migrations")? > 1 {
            self.revert_last_migration()?;
        }
        Ok(())
    }

    /// Returns the number that a query selects.
    pub fn number(&self, sql: &str) -> Result<i64, StoreError> {
        let query = diesel::dsl::sql::<BigInt>(sql);
        self.read(|connection| Ok(dispatch!(connection, inner => query.get_result(inner))?))
    }

    /// Returns the text column that a query selects.
    pub fn texts(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let query = diesel::dsl::sql::<Text>(sql);
        self.read(|connection| Ok(dispatch!(connection, inner => query.load(inner))?))
    }
}
