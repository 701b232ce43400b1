//! The time of a transaction: the clock of the database, read inside the transaction.
//!
//! A time that orders two writes is read after the locks that order them, so that a transaction
//! that waited for a lock has a later time than the one that held it. All nodes on one PostgreSQL
//! use its clock; for a SQLite file the clock of the host is the clock of the database.

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
    /// The time of its evaluation, not of the begin of the transaction. PostgreSQL evaluates the
    /// selected expressions of a statement before it waits for the rows that the statement locks:
    /// where the lock matters, read the time in the next statement.
    fn clock_timestamp() -> Utc;
}

impl Connection {
    /// Returns the current time of the database clock.
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
