//! The time of a transaction: that of the database, read inside it.
//!
//! What orders two writes is dated after the locks that order them, so that whoever waits for a lock
//! is not dated before the one who held it. All nodes of a PostgreSQL go by its clock; for a SQLite
//! file the clock of its host is that of the database.

use diesel::prelude::*;
use portcullis_domain::{Clock, SystemClock, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::node::clock_watch::TimeStore;

use crate::connection::{Connection, Inner};
use crate::database::Database;
use crate::failure::Failure;
use crate::sql_type::{Instant, Utc};
use crate::store::Store;

impl TimeStore for Database {
    fn time(&self) -> Result<Timestamp, StoreError> {
        self.read(Connection::now)
    }
}

impl TimeStore for Store {
    fn time(&self) -> Result<Timestamp, StoreError> {
        Database::time(self)
    }
}

diesel::define_sql_function! {
    /// The time as it is when it is evaluated, not when the transaction began. PostgreSQL evaluates
    /// what a statement selects before it waits for the rows that the statement locks: where the
    /// lock matters, this belongs into the next statement.
    fn clock_timestamp() -> Utc;
}

impl Connection {
    /// The time now, by the clock of the database.
    pub(crate) fn now(&mut self) -> Result<Timestamp, Failure> {
        if let Some(clock) = &self.clock {
            return Ok(clock.now());
        }
        match &mut self.inner {
            Inner::Postgres(inner) => {
                let now: Instant = diesel::select(clock_timestamp()).get_result(inner)?;
                Ok(now.into())
            }
            Inner::Sqlite(_) => Ok(SystemClock::new().now()),
        }
    }
}
