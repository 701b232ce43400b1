//! Connections to SQLite and PostgreSQL: settings, timeouts, begin and commit of transactions, and
//! the locks that one node at a time may hold.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, CacheSize, SimpleConnection, TransactionManager};
use diesel::result::Error::DatabaseError;
use diesel::result::{ConnectionError, DatabaseErrorKind};
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection};
use portcullis_domain::{Clock, ExposeSecret, SecretString, SystemClock};
use portcullis_flows::node::deadline::RequestDeadline;

use crate::database_url::DatabaseUrl;
use crate::failure::Failure;
use crate::private_file;

/// A connection to either database. Queries use the inner connection through `dispatch!`, so that
/// every clause of each database is available and each query is checked against both.
pub(crate) struct Connection {
    pub(crate) inner: Inner,
    /// Replaces the clock of the database in tests.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pace: StatementTimeouts,
    /// The time that the last BEGIN took.
    round_trip: Duration,
}

/// The connection of Diesel.
pub(crate) enum Inner {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// The statements of each database, where they differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DialectSql {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

impl DialectSql {
    /// Statements that both databases accept.
    pub(crate) const fn same(sql: &'static str) -> Self {
        Self { postgres: sql, sqlite: sql }
    }
}

/// The timeouts of PostgreSQL for one statement and for one lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatementTimeouts {
    /// For requests: a response is due within [`RequestDeadline::TIMEOUT`].
    Request,
    /// For background work.
    Background,
}

impl StatementTimeouts {
    /// Returns the timeouts for the work of this thread.
    pub(crate) fn current() -> Self {
        if RequestDeadline::is_running() { Self::Request } else { Self::Background }
    }

    const fn settings(self) -> [&'static str; 2] {
        match self {
            Self::Request => ["statement_timeout = '1500ms'", "lock_timeout = '1200ms'"],
            Self::Background => ["statement_timeout = '5s'", "lock_timeout = '3s'"],
        }
    }
}

/// Expands one body for each database.
macro_rules! dispatch {
    ($connection:expr, $inner:ident => $body:expr) => {
        match &mut $connection.inner {
            $crate::connection::Inner::Postgres($inner) => $body,
            $crate::connection::Inner::Sqlite($inner) => $body,
        }
    };
}
pub(crate) use dispatch;

impl Connection {
    fn new(inner: Inner) -> Self {
        Self { inner, clock: None, pace: StatementTimeouts::Request, round_trip: Duration::ZERO }
    }

    /// Checks that the connection is alive and sets these timeouts, for statements outside a
    /// transaction.
    pub(crate) fn check(&mut self, pace: StatementTimeouts) -> Result<(), Failure> {
        if pace != self.pace {
            return self.work_at(pace);
        }
        let Inner::Postgres(inner) = &mut self.inner else { return Ok(()) };
        Ok(inner.batch_execute("SELECT 1")?)
    }

    /// Sets the timeouts of the connection. They stay set, because a connection seldom changes
    /// between requests and background work.
    fn work_at(&mut self, pace: StatementTimeouts) -> Result<(), Failure> {
        if let Inner::Postgres(inner) = &mut self.inner
            && pace != self.pace
        {
            let [statement, lock] = pace.settings();
            inner.batch_execute(&format!("SET {statement}; SET {lock}"))?;
            self.pace = pace;
        }
        Ok(())
    }

    /// Begins a transaction that may write from its first statement on. SQLite begins IMMEDIATE,
    /// because it refuses to upgrade a reader to a writer while another transaction writes.
    /// PostgreSQL gets an explicit isolation level, because a setting of the role or the database
    /// could change the default.
    pub(crate) fn begin(&mut self, pace: StatementTimeouts) -> Result<(), Failure> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        self.work_at(pace)?;
        let clock = SystemClock::new();
        match &mut self.inner {
            Inner::Postgres(inner) => {
                AnsiTransactionManager::begin_transaction_sql(inner, BEGIN)?;
            }
            Inner::Sqlite(inner) => {
                begin_immediate(inner, &clock)?;
                // The wait for another writer tells nothing about the duration of a commit.
                return Ok(());
            }
        }
        self.round_trip = clock.monotonic();
        Ok(())
    }

    /// Runs `body` in the transaction that has begun, and ends the transaction.
    ///
    /// A cancelled request is not committed: its caller already has the response that nothing
    /// happened.
    pub(crate) fn finish<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let round_trip = self.round_trip;
        let outcome =
            body(self).and_then(|value| match RequestDeadline::begin_commit(round_trip) {
                Ok(committing) => Ok((value, committing)),
                Err(error) => Err(error.into()),
            });
        match outcome {
            Ok((value, committing)) => {
                self.commit()?;
                drop(committing);
                Ok(value)
            }
            Err(failure) => {
                // The error of the body is returned. If the rollback fails as well, the pool finds
                // the connection broken and drops it.
                let _ =
                    dispatch!(self, inner => AnsiTransactionManager::rollback_transaction(inner));
                Err(failure)
            }
        }
    }

    /// An error that the database returned means that nothing was committed. Without a response,
    /// the commit may have succeeded.
    fn commit(&mut self) -> Result<(), Failure> {
        match dispatch!(self, inner => AnsiTransactionManager::commit_transaction(inner)) {
            Err(error) if matches!(self.inner, Inner::Postgres(_)) && self.is_broken() => {
                Err(Failure::Unconfirmed(error))
            }
            outcome => Ok(outcome?),
        }
    }

    /// Runs `body`, and forgets the prepared statements after an error of an unknown kind. PostgreSQL refuses a prepared
    /// statement for good when the type of a column has changed since, such as by the migration of a newer node.
    pub(crate) fn recovering<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let outcome = body(self);
        if let Err(Failure::Query(DatabaseError(DatabaseErrorKind::Unknown, _))) = &outcome
            && let Inner::Postgres(inner) = &mut self.inner
            && inner.batch_execute("DEALLOCATE ALL").is_ok()
        {
            // Diesel has no other way to empty its cache.
            inner.set_prepared_statement_cache_size(CacheSize::Disabled);
            inner.set_prepared_statement_cache_size(CacheSize::Unbounded);
        }
        outcome
    }

    /// Runs `body` in a separate transaction that may write.
    pub(crate) fn write<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.begin(StatementTimeouts::current())?;
        self.finish(body)
    }

    /// Runs `body` in a transaction that reads one snapshot of the database.
    pub(crate) fn read_snapshot<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match &mut self.inner {
            Inner::Postgres(inner) => AnsiTransactionManager::begin_transaction_sql(
                inner,
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            )?,
            Inner::Sqlite(inner) => AnsiTransactionManager::begin_transaction(inner)?,
        }
        let outcome = body(self);
        // There is nothing to commit, and the pool drops a connection that cannot roll back.
        let _ = dispatch!(self, inner => AnsiTransactionManager::rollback_transaction(inner));
        outcome
    }

    /// Runs the statements of its database as one transaction. PostgreSQL receives them as one
    /// message and runs one message as one transaction, so locks are held only for the time of the
    /// database itself.
    pub(crate) fn write_at_once(&mut self, sql: DialectSql) -> Result<(), Failure> {
        match &mut self.inner {
            Inner::Postgres(inner) => Ok(inner.batch_execute(sql.postgres)?),
            Inner::Sqlite(_) => self.write(|connection| {
                Ok(dispatch!(connection, inner => inner.batch_execute(sql.sqlite))?)
            }),
        }
    }

    /// Returns whether the connection is unusable.
    pub(crate) fn is_broken(&mut self) -> bool {
        dispatch!(self, inner => AnsiTransactionManager::is_broken_transaction_manager(inner))
    }
}

/// Waits up to five seconds for the other writers of the file. SQLite alone waits longer after each try,
/// so that a process that writes without a pause keeps the others out. Tries at equal distances, that of
/// [`SQLITE_SETTINGS`], soon find a gap between two of its transactions.
fn begin_immediate(inner: &mut SqliteConnection, clock: &SystemClock) -> Result<(), Failure> {
    const TIMEOUT: Duration = Duration::from_secs(5);
    let begun = clock.monotonic();
    loop {
        match AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE") {
            Err(DatabaseError(_, information))
                if information.message() == "database is locked"
                    && clock.monotonic().saturating_sub(begun) < TIMEOUT =>
            {
                RequestDeadline::check()?;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// A lock that one node at a time may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lock {
    Migration,
    Checkpoint,
    Matrix,
    SigningKeys,
    SignInCounts,
}

impl Lock {
    /// Waits for the exclusive lock within this schema, and holds it until the transaction ends. In
    /// SQLite there is only one writing transaction at a time.
    pub(crate) fn take(self, connection: &mut Connection) -> Result<(), Failure> {
        self.wait(connection, "pg_advisory_xact_lock")
    }

    /// Waits for the shared lock, which any number of transactions may hold.
    pub(crate) fn share(self, connection: &mut Connection) -> Result<(), Failure> {
        self.wait(connection, "pg_advisory_xact_lock_shared")
    }

    fn wait(self, connection: &mut Connection, function: &str) -> Result<(), Failure> {
        if let Inner::Postgres(inner) = &mut connection.inner {
            // The keys of the advisory locks in the database.
            let name = match self {
                Self::Migration => 0x706f_7274,
                Self::Checkpoint => 0x706f_7275,
                Self::Matrix => 0x706f_7276,
                Self::SigningKeys => 0x706f_7277,
                Self::SignInCounts => 0x706f_7278,
            };
            inner
                .batch_execute(&format!("SELECT {function}({name}, hashtext(current_schema()))"))?;
        }
        Ok(())
    }
}

/// The advisory lock that every connection shares as long as it is open, within its schema. So a restore can tell
/// that a server or a command uses the database, and nothing uses it during the restore.
const IN_USE: i32 = 0x706f_7279;

/// Locks the database for this transaction alone; returns whether no other connection is open. SQLite locks the file
/// of a restore itself.
pub(crate) fn use_alone(connection: &mut Connection) -> Result<bool, Failure> {
    let Inner::Postgres(inner) = &mut connection.inner else { return Ok(true) };
    let lock = format!("SELECT pg_try_advisory_xact_lock({IN_USE}, hashtext(current_schema()))");
    Ok(diesel::dsl::sql::<diesel::sql_types::Bool>(&lock).get_result(inner)?)
}

/// The use of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// Opens connections for the pool, and keeps the cause when a connection fails.
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
            DatabaseUrl::Postgres(url) => connect_postgres(url).map(Inner::Postgres),
            DatabaseUrl::Sqlite(path) => connect_sqlite(path, self.purpose).map(Inner::Sqlite),
        }
        .map(Connection::new)
    }

    /// Never called: the first statement of each use detects a broken connection without another
    /// round trip.
    fn is_valid(&self, _: &mut Connection) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.is_broken()
    }
}

fn connect_postgres(url: &SecretString) -> Result<PgConnection, ConnectionError> {
    let mut connection = PgConnection::establish(with_timeouts(url).expose_secret())?;
    let [statement, lock] = StatementTimeouts::Request.settings();
    connection
        .batch_execute(&format!(
            "{SETTINGS}; SET {statement}; SET {lock};
             SELECT pg_advisory_lock_shared({IN_USE}, hashtext(current_schema()))"
        ))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Settings that override those of the server, the database, the role and the URL: an acknowledged
/// write must survive a crash. Only `remote_apply`, for which a commit waits even longer, stays
/// unchanged.
const SETTINGS: &str = "SET TIME ZONE 'UTC';
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') <> 'remote_apply';
    SET idle_in_transaction_session_timeout = '10s'";

/// The timeouts of libpq, unless the URL sets others: its minimum for a connection attempt, and ten
/// seconds for a connection that is silent without being closed.
const TIMEOUTS: [&str; 5] = [
    "connect_timeout=2",
    "tcp_user_timeout=10000",
    "keepalives_idle=5",
    "keepalives_interval=2",
    "keepalives_count=3",
];

fn with_timeouts(url: &SecretString) -> SecretString {
    let mut text = url.expose_secret().to_owned();
    for setting in TIMEOUTS {
        let is_set =
            setting.split_once('=').is_some_and(|(name, _)| text.contains(&format!("{name}=")));
        if !is_set {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(setting);
        }
    }
    SecretString::from(text)
}

fn connect_sqlite(path: &Path, purpose: Purpose) -> Result<SqliteConnection, ConnectionError> {
    let path = path.to_str().ok_or_else(|| {
        ConnectionError::InvalidConnectionUrl("the path of the database is not UTF-8".to_owned())
    })?;
    if purpose == Purpose::Write {
        private_file::create(Path::new(path))
            .map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
    }
    let mut connection = SqliteConnection::establish(&existing(path))?;
    let settings = match purpose {
        Purpose::Write => SQLITE_SETTINGS,
        Purpose::Read => "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;",
    };
    connection.batch_execute(settings).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Settings of a writer. The busy timeout must be set before the journal mode takes its lock. Afterwards
/// only the begin of a transaction waits for others.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA secure_delete = ON;
    PRAGMA busy_timeout = 2";

/// Returns the path as a URI (<https://sqlite.org/uri.html>) that opens a file and never creates
/// one.
fn existing(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "file:" });
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => {
                // Writing to memory does not fail.
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri.push_str("?mode=rw");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_opened_as_it_is_spelt_and_only_where_there_is_a_file() {
        assert_eq!(existing("data/a b?c#d%e.db"), "file:data/a%20b%3Fc%23d%25e.db?mode=rw");
        assert_eq!(existing("//srv/é"), "file:////srv/%C3%A9?mode=rw");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?mode=memory#%41é.db");
        assert!(connect_sqlite(&path, Purpose::Read).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "reading creates nothing");
        connect_sqlite(&path, Purpose::Write).unwrap();
        assert!(path.is_file());
        connect_sqlite(&path, Purpose::Read).unwrap();
    }
}
