//! Test databases: a separate SQLite file or PostgreSQL schema for each test.

use std::fmt;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_audit::AuditKeys;
use portcullis_domain::{Ambient, SecretString, SystemRandom};
use portcullis_storage::{Database, DatabaseUrl, Store};
use portcullis_token::SecretKey;
use tempfile::TempDir;

use crate::TestClock;

/// The environment variable with the URL of the PostgreSQL server for tests; `tests/run` sets it.
const POSTGRES: &str = "PORTCULLIS_TEST_POSTGRES";

/// The number of the next schema of this process.
static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// The database of one test: a SQLite file or a PostgreSQL schema.
pub struct TestDatabase {
    url: String,
    store: Store,
    clock: Arc<TestClock>,
    // Deleted with the value, after the store has closed the file.
    _folder: Option<TempDir>,
}

impl TestDatabase {
    /// A new SQLite file in a separate folder, migrated and empty.
    pub fn sqlite() -> Self {
        Self::blank_sqlite().migrated()
    }

    /// A new schema in the PostgreSQL server that `tests/run` starts, migrated and empty. A missing
    /// server is a failure; the test is never skipped.
    pub fn postgres() -> Self {
        Self::blank_postgres().migrated()
    }

    /// Runs the same test on both databases.
    pub fn on_both(test: impl Fn(Self)) {
        test(Self::sqlite());
        test(Self::postgres());
    }

    /// Runs the same test on both databases. Any number of threads may wait for a connection
    /// without a timeout.
    pub fn on_both_crowded(test: impl Fn(Self)) {
        Self::on_both(|database| {
            let patient = Database::patient(&parsed(&database.url), 16);
            let store = Store::new(patient, Self::audit_keys()).timed_by(database.clock.clone());
            test(Self { store, ..database });
        });
    }

    /// Runs the same test on both databases without any migration.
    pub fn on_both_blank(test: impl Fn(Self)) {
        test(Self::blank_sqlite());
        test(Self::blank_postgres());
    }

    /// A PostgreSQL database that can be made unavailable: its connections end, and new ones are
    /// refused.
    pub fn postgres_with_switch() -> (Self, Switch) {
        let operator = Self::postgres();
        let role = format!("role{}_{}", process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed));
        let (scheme, rest) = operator.url.split_once("://").expect("the URL has a scheme");
        let (account, server) = rest.split_once('@').expect("the URL names an account");
        let (_, password) = account.split_once(':').expect("the account has a password");
        let create = format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{password}'");
        operator.store.execute(&create).expect("the role can be created");
        let url = format!("{scheme}://{role}:{password}@{server}");
        let clock = Arc::new(TestClock::new());
        let database = Self { store: connected(&url, &clock), url, clock, _folder: None };
        (database, Switch { store: operator.store, role })
    }

    /// The same database for another server, which must not outlive this value.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self {
            store: self.connect(),
            url: self.url.clone(),
            clock: self.clock.clone(),
            _folder: None,
        }
    }

    /// The URL, as in the configuration of the server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The ports of the flows on this database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The same ports with separate connections, as on another node.
    pub fn connect(&self) -> Store {
        connected(&self.url, &self.clock)
    }

    /// The names of its tables.
    pub fn tables(&self) -> Vec<String> {
        let names = if self.url.starts_with("sqlite") {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        } else {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
        };
        self.store.texts(names).expect("the database answers")
    }

    /// The clock of the database, with the randomness of the operating system.
    pub fn ambient(&self) -> Ambient {
        Ambient { clock: self.clock.clone(), random: Arc::new(SystemRandom) }
    }

    /// The clock of its transactions in this process.
    pub fn clock(&self) -> &Arc<TestClock> {
        &self.clock
    }

    /// The secret key of every test database.
    pub fn secret() -> SecretKey {
        SecretKey::parse(&SecretString::from(SECRET)).expect("the secret is strong")
    }

    /// The audit keys of every test database.
    pub fn audit_keys() -> Arc<AuditKeys> {
        Arc::new(AuditKeys::from_secret(Self::secret().as_secret()))
    }

    fn blank_sqlite() -> Self {
        let folder = TempDir::new().expect("the system has a folder for temporary files");
        let url = format!("sqlite:{}", folder.path().join("portcullis.db").display());
        let clock = Arc::new(TestClock::new());
        Self { store: connected(&url, &clock), url, clock, _folder: Some(folder) }
    }

    fn blank_postgres() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the runner hands the address over this way")]
        let server = std::env::var(POSTGRES)
            .unwrap_or_else(|_| panic!("{POSTGRES} is not set: run the tests with tests/run"));
        let schema = format!("t{}_{}", process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed));
        Database::new(&parsed(&server), 1)
            .execute(&format!("CREATE SCHEMA {schema}"))
            .expect("the test's schema can be created");
        let url = format!("{server}?options=-csearch_path%3D{schema}");
        let clock = Arc::new(TestClock::new());
        Self { store: connected(&url, &clock), url, clock, _folder: None }
    }

    fn migrated(self) -> Self {
        self.store.migrate().expect("the migrations apply to an empty database");
        self
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Makes a database unavailable and available again.
pub struct Switch {
    store: Store,
    role: String,
}

impl Switch {
    /// Refuses new connections, then ends the existing ones and waits for their end.
    pub fn off(&self) {
        self.run(&format!("ALTER ROLE {} NOLOGIN", self.role));
        self.run(&format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{}'",
            self.role
        ));
    }

    /// Accepts connections again.
    pub fn on(&self) {
        self.run(&format!("ALTER ROLE {} LOGIN", self.role));
    }

    fn run(&self, sql: &str) {
        self.store.execute(sql).expect("the operator is let in");
    }
}

/// Used only in tests, and random enough to be accepted.
const SECRET: &str = "n5Q0c1tVb8mZ3xK7rW2yL9pD4sH6gJfA";

fn connected(url: &str, clock: &Arc<TestClock>) -> Store {
    let store = Store::new(Database::new(&parsed(url), 16), TestDatabase::audit_keys());
    store.timed_by(clock.clone())
}

fn parsed(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&SecretString::from(url)).expect("the test's URL is well-formed")
}
