use std::time::Duration;

use diesel::connection::SimpleConnection;
use portcullis_flows::StoreError;
use portcullis_flows::health::HealthStore;
use r2d2::Pool;

use crate::connection::{Connection, DatabaseUrl, Manager, Purpose, dispatch};
use crate::failure::Failure;

/// The connections, and all that needs no key: the schema, and whether the database answers.
#[derive(Clone, Debug)]
pub struct Database {
    readers: Pool<Manager>,
    writers: Pool<Manager>,
}

/// A request waits this long for a connection before it is told to come back later.
const PATIENCE: Duration = Duration::from_millis(1500);

impl Database {
    /// At most `connections` connections (SQLite: so many readers and one writer).
    ///
    /// Nothing is connected yet: a database that is down makes requests fail, not the start.
    pub fn new(url: &DatabaseUrl, connections: u32) -> Self {
        Self::with_patience(url, connections, PATIENCE)
    }

    pub(crate) fn with_patience(url: &DatabaseUrl, connections: u32, patience: Duration) -> Self {
        let pool = |purpose, size| {
            Pool::builder()
                .max_size(size)
                .min_idle(Some(0))
                .connection_timeout(patience)
                .test_on_check_out(matches!(url, DatabaseUrl::Postgres(_)))
                .error_handler(Box::new(LogConnectionError))
                .build_unchecked(Manager { url: url.clone(), purpose })
        };
        match url {
            DatabaseUrl::Postgres(_) => {
                let both = pool(Purpose::Write, connections);
                Self { readers: both.clone(), writers: both }
            }
            // One writer: SQLite would only queue more of them, less fairly.
            DatabaseUrl::Sqlite(_) => {
                Self { writers: pool(Purpose::Write, 1), readers: pool(Purpose::Read, connections) }
            }
        }
    }

    /// Runs statements that change nothing, each seeing its own moment.
    pub(crate) fn read<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut connection = self.readers.get().map_err(Failure::from)?;
        Ok(body(&mut connection)?)
    }

    /// Runs statements that change nothing, all seeing the same moment.
    pub(crate) fn read_snapshot<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut connection = self.readers.get().map_err(Failure::from)?;
        Ok(connection.read_snapshot(body)?)
    }

    /// Runs one transaction.
    pub(crate) fn write<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut connection = self.writers.get().map_err(Failure::from)?;
        Ok(connection.write(body)?)
    }

    /// Runs statements as one transaction, without a word from here between them.
    pub(crate) fn write_at_once(&self, sql: &str) -> Result<(), StoreError> {
        let mut connection = self.writers.get().map_err(Failure::from)?;
        Ok(connection.write_at_once(sql)?)
    }
}

impl HealthStore for Database {
    fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(dispatch!(connection, inner => inner.batch_execute("SELECT 1"))?))
    }
}

#[derive(Debug)]
struct LogConnectionError;

impl<E: std::error::Error> r2d2::HandleError<E> for LogConnectionError {
    fn handle_error(&self, error: E) {
        tracing::warn!(%error, "no connection to the database");
    }
}
