//! `Database`: the connection pools, read and write transactions, and health checks. It needs no
//! key.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use portcullis_domain::Clock;
use portcullis_flows::StoreError;
use portcullis_flows::node::database_pool::{DatabasePools, PoolState};
use portcullis_flows::node::deadline::RequestDeadline;
use portcullis_flows::node::health::HealthStore;
use r2d2::{Pool, PooledConnection};

use crate::connection::{Connection, DialectSql, Manager, Purpose, StatementTimeouts, dispatch};
use crate::database_url::DatabaseUrl;
use crate::failure::Failure;

/// The connection pools, with the operations that need no key: migrations and health checks.
#[derive(Clone)]
pub struct Database {
    readers: Pool<Manager>,
    writers: Pool<Manager>,
    clock: Option<Arc<dyn Clock>>,
    failed_waits: Arc<AtomicU64>,
    /// True if reads and writes share one pool.
    is_one_pool: bool,
}

/// The maximum time that a request waits for a connection before it is refused with a retry hint.
const POOL_TIMEOUT: Duration = Duration::from_millis(1400);

impl Database {
    /// Opens at most `connections` connections (SQLite: this many readers and one writer).
    ///
    /// Nothing is connected yet: if the database is down, requests fail, not the start.
    pub fn new(url: &DatabaseUrl, connections: u32) -> Self {
        Self::with_patience(url, connections, POOL_TIMEOUT)
    }

    pub(crate) fn with_patience(url: &DatabaseUrl, connections: u32, patience: Duration) -> Self {
        let pool = |purpose, size| {
            Pool::builder()
                .max_size(size)
                .min_idle(Some(0))
                .connection_timeout(patience)
                .test_on_check_out(false)
                .error_handler(Box::new(LogConnectionError))
                .build_unchecked(Manager { url: url.clone(), purpose })
        };
        let failed_waits = Arc::default();
        match url {
            DatabaseUrl::Postgres(_) => {
                let both = pool(Purpose::Write, connections);
                Self {
                    readers: both.clone(),
                    writers: both,
                    clock: None,
                    failed_waits,
                    is_one_pool: true,
                }
            }
            // One writer: SQLite would only queue further writers, and less fairly.
            DatabaseUrl::Sqlite(_) => Self {
                writers: pool(Purpose::Write, 1),
                readers: pool(Purpose::Read, connections),
                clock: None,
                failed_waits,
                is_one_pool: false,
            },
        }
    }

    /// Returns the same database with this clock for its transactions, for tests.
    #[must_use]
    pub fn timed_by(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Runs statements that only read; each one has its own snapshot.
    pub(crate) fn read<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let _waiting = RequestDeadline::enter();
        let mut connection = self.take(&self.readers, Connection::check)?;
        Ok(connection.recovering(body)?)
    }

    /// Runs statements that only read, all in one snapshot.
    pub(crate) fn read_snapshot<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let _waiting = RequestDeadline::enter();
        let mut connection = self.take(&self.readers, Connection::check)?;
        Ok(connection.recovering(|connection| connection.read_snapshot(body))?)
    }

    /// Runs one transaction.
    pub(crate) fn write<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let _waiting = RequestDeadline::enter();
        let mut connection = self.take(&self.writers, Connection::begin)?;
        Ok(connection.recovering(|connection| connection.finish(body))?)
    }

    /// Runs statements as one transaction without a round trip between them, and then statements
    /// that only read.
    pub(crate) fn write_at_once<T>(
        &self,
        sql: DialectSql,
        read: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let _waiting = RequestDeadline::enter();
        let mut connection = self.take(&self.writers, Connection::check)?;
        Ok(connection.recovering(|connection| {
            connection.write_at_once(sql)?;
            read(connection)
        })?)
    }

    /// Runs statements on a connection of its own, outside any transaction and any deadline of a request.
    pub(crate) fn on_one_connection<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.take(&self.writers, Connection::check)?.recovering(body)
    }

    /// Takes a connection and begins on it. A broken connection is dropped and replaced: nothing
    /// has happened on it yet.
    fn take(
        &self,
        pool: &Pool<Manager>,
        begin: impl Fn(&mut Connection, StatementTimeouts) -> Result<(), Failure>,
    ) -> Result<PooledConnection<Manager>, Failure> {
        let pace = StatementTimeouts::current();
        let mut broken = 0;
        loop {
            RequestDeadline::check()?;
            let mut connection = pool.get().inspect_err(|_| {
                self.failed_waits.fetch_add(1, Ordering::Relaxed);
            })?;
            connection.clock.clone_from(&self.clock);
            match begin(&mut connection, pace) {
                Err(_) if broken < pool.max_size() && connection.is_broken() => broken += 1,
                Err(failure) => return Err(failure),
                Ok(()) => return Ok(connection),
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("writers", &self.writers).finish_non_exhaustive()
    }
}

impl HealthStore for Database {
    fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(dispatch!(connection, inner => inner.batch_execute("SELECT 1"))?))
    }

    fn try_write(&self) -> Result<(), StoreError> {
        let probe = "INSERT INTO write_probes VALUES (1); DELETE FROM write_probes";
        self.write_at_once(DialectSql::same(probe), |_| Ok(()))
    }
}

impl DatabasePools for Database {
    fn pools(&self) -> Vec<PoolState> {
        let state = |name, pool: &Pool<Manager>| {
            let state = pool.state();
            PoolState {
                name,
                max: pool.max_size(),
                open: state.connections,
                idle: state.idle_connections,
            }
        };
        if self.is_one_pool {
            vec![state("all", &self.writers)]
        } else {
            vec![state("read", &self.readers), state("write", &self.writers)]
        }
    }

    fn failed_waits(&self) -> u64 {
        self.failed_waits.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct LogConnectionError;

impl<E: std::error::Error> r2d2::HandleError<E> for LogConnectionError {
    fn handle_error(&self, error: E) {
        // The health check of the caller logs the consequence once.
        tracing::debug!(%error, "no connection to the database");
    }
}
