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

/// The variable that names the PostgreSQL server of the tests; `tests/run` sets it.
const POSTGRES: &str = "PORTCULLIS_TEST_POSTGRES";

/// Numbers the schemas of this process.
static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// A database of one test's own: a SQLite file, or a PostgreSQL schema.
pub struct TestDatabase {
    url: String,
    store: Store,
    clock: Arc<TestClock>,
    // Deleted with the value, after the store has let go of the file.
    _folder: Option<TempDir>,
}

impl TestDatabase {
    /// A SQLite file in a folder of its own, migrated and empty.
    pub fn sqlite() -> Self {
        Self::blank_sqlite().migrated()
    }

    /// A schema of its own in the PostgreSQL server that `tests/run` starts, migrated and empty.
    /// There is no test without it: a missing server is a failure, never a skip.
    pub fn postgres() -> Self {
        Self::blank_postgres().migrated()
    }

    /// Runs the same test on both databases.
    pub fn on_both(test: impl Fn(Self)) {
        test(Self::sqlite());
        test(Self::postgres());
    }

    /// Runs the same test on both databases, with connections for which a crowd of threads may wait
    /// as long as it takes.
    pub fn on_both_crowded(test: impl Fn(Self)) {
        Self::on_both(|database| {
            let patient = Database::patient(&parsed(&database.url), 16);
            let store = Store::new(patient, Self::audit_keys()).timed_by(database.clock.clone());
            test(Self { store, ..database });
        });
    }

    /// Runs the same test on both databases, to which no migration was applied yet.
    pub fn on_both_blank(test: impl Fn(Self)) {
        test(Self::blank_sqlite());
        test(Self::blank_postgres());
    }

    /// A PostgreSQL database that can be taken away: its connections end, new ones are refused.
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

    /// The same database for another server, which must not outlive this one.
    #[must_use]
    pub fn shared(&self) -> Self {
        Self {
            store: self.connect(),
            url: self.url.clone(),
            clock: self.clock.clone(),
            _folder: None,
        }
    }

    /// Where it is, as the server's configuration would say it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The ports of the flows on this database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The same ports by connections of their own, as another node has them.
    pub fn connect(&self) -> Store {
        connected(&self.url, &self.clock)
    }

    /// Its clock, with the randomness of the operating system.
    pub fn ambient(&self) -> Ambient {
        Ambient { clock: self.clock.clone(), random: Arc::new(SystemRandom) }
    }

    /// What its transactions take their time from, in this process.
    pub fn clock(&self) -> &Arc<TestClock> {
        &self.clock
    }

    /// The secret that every test database is sealed under.
    pub fn secret() -> SecretKey {
        SecretKey::parse(&SecretString::from(SECRET)).expect("the secret is strong")
    }

    /// What the audit trail of every test database is sealed with.
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

/// Takes a database away and gives it back.
pub struct Switch {
    store: Store,
    role: String,
}

impl Switch {
    /// Nobody is let in any more, then everybody who is in is thrown out.
    pub fn off(&self) {
        self.run(&format!("ALTER ROLE {} NOLOGIN", self.role));
        self.run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
            self.role
        ));
    }

    /// Everybody is let in again.
    pub fn on(&self) {
        self.run(&format!("ALTER ROLE {} LOGIN", self.role));
    }

    fn run(&self, sql: &str) {
        self.store.execute(sql).expect("the operator is let in");
    }
}

/// Known to nobody but the tests, and random enough to be accepted.
const SECRET: &str = "n5Q0c1tVb8mZ3xK7rW2yL9pD4sH6gJfA";

fn connected(url: &str, clock: &Arc<TestClock>) -> Store {
    let store = Store::new(Database::new(&parsed(url), 16), TestDatabase::audit_keys());
    store.timed_by(clock.clone())
}

fn parsed(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&SecretString::from(url)).expect("the test's URL is well-formed")
}
