//! Connections to either database, and the two differences that cannot be hidden behind a query:
//! how a connection is set up and how a writing transaction begins.

use std::fmt;
use std::path::{Path, PathBuf};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::result::ConnectionError;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use portcullis_domain::{ExposeSecret, SecretString};

use crate::failure::Failure;

/// Where the data is.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server; the URL may hold a password.
    Postgres(SecretString),
}

/// The URL names no database we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must begin with sqlite: or postgres://")]
pub struct DatabaseUrlError;

impl DatabaseUrl {
    /// `sqlite:path/to/file` (also `sqlite://path`), or `postgres://` or `postgresql://` as libpq
    /// reads it. A missing scheme is refused, not guessed.
    pub fn parse(url: &SecretString) -> Result<Self, DatabaseUrlError> {
        let text = url.expose_secret();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.clone()));
        }
        let path = text.strip_prefix("sqlite:").ok_or(DatabaseUrlError)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(DatabaseUrlError);
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://[REDACTED]"),
        }
    }
}

/// A connection to either database. Queries reach the inner connection through `dispatch!`, so that
/// every clause of each database is at hand and each query is checked against both.
pub(crate) enum Connection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Expands one body for each database.
macro_rules! dispatch {
    ($connection:expr, $inner:ident => $body:expr) => {
        match $connection {
            $crate::connection::Connection::Postgres($inner) => $body,
            $crate::connection::Connection::Sqlite($inner) => $body,
        }
    };
}
pub(crate) use dispatch;

impl Connection {
    /// Runs `body` in a transaction that is allowed to write from its first statement on: SQLite
    /// begins IMMEDIATE, because it refuses to turn a reader into a writer while others write.
    pub(crate) fn write<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self {
            Self::Postgres(inner) => AnsiTransactionManager::begin_transaction(inner)?,
            Self::Sqlite(inner) => {
                AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?;
            }
        }
        match body(self) {
            Ok(value) => {
                dispatch!(self, inner => AnsiTransactionManager::commit_transaction(inner))?;
                Ok(value)
            }
            Err(failure) => {
                // The body's error is the one to tell; a connection that cannot even roll back is
                // found broken and dropped by the pool.
                let _ =
                    dispatch!(self, inner => AnsiTransactionManager::rollback_transaction(inner));
                Err(failure)
            }
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// Makes connections for the pool, and keeps the true reason when one cannot be made.
#[derive(Debug)]
pub(crate) struct Manager {
    pub(crate) url: DatabaseUrl,
    pub(crate) purpose: Purpose,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Connection;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Connection, ConnectionError> {
        match &self.url {
            DatabaseUrl::Postgres(url) => connect_postgres(url).map(Connection::Postgres),
            DatabaseUrl::Sqlite(path) => connect_sqlite(path, self.purpose).map(Connection::Sqlite),
        }
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), ConnectionError> {
        match connection {
            Connection::Postgres(inner) => inner
                .batch_execute("SELECT 1")
                .map_err(|error| ConnectionError::BadConnection(error.to_string())),
            Connection::Sqlite(_) => Ok(()),
        }
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        dispatch!(connection, inner => {
            AnsiTransactionManager::is_broken_transaction_manager(inner)
        })
    }
}

fn connect_postgres(url: &SecretString) -> Result<PgConnection, ConnectionError> {
    let mut connection = PgConnection::establish(with_timeout(url).expose_secret())?;
    connection
        .batch_execute(
            "SET TIME ZONE 'UTC';
             SET statement_timeout = '5s';
             SET lock_timeout = '3s';
             SET idle_in_transaction_session_timeout = '10s'",
        )
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A host that does not answer is given up after libpq's shortest wait, unless the URL says otherwise.
fn with_timeout(url: &SecretString) -> SecretString {
    let text = url.expose_secret();
    if text.contains("connect_timeout=") {
        return url.clone();
    }
    let separator = if text.contains('?') { '&' } else { '?' };
    SecretString::from(format!("{text}{separator}connect_timeout=2"))
}

fn connect_sqlite(path: &Path, purpose: Purpose) -> Result<SqliteConnection, ConnectionError> {
    let path = path.to_str().ok_or_else(|| {
        ConnectionError::InvalidConnectionUrl("the path of the database is not UTF-8".to_owned())
    })?;
    let mut connection = SqliteConnection::establish(path)?;
    // The order matters: the busy timeout must hold before the journal mode takes its lock.
    let settings = match purpose {
        Purpose::Write => {
            "PRAGMA busy_timeout = 5000;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;"
        }
        Purpose::Read => "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;",
    };
    connection.batch_execute(settings).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
