//! The environment of the servers of these tests: variables, directories, database and proxy.

use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, ServerProcess, TestDatabase};
use tempfile::TempDir;

use crate::proxy::Proxy;

/// The secret key of these tests, random enough to be accepted.
pub(crate) const SECRET: &str = "uT7xQ2mB9vK4cW8nR1zE6yJ3pH5sD0gL";

/// Waits until no other test has its turn. Tests that keep every processor busy take turns, and so do tests
/// that measure an answer time: beside each other they would test the machine.
pub(crate) fn take_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that reaches its PostgreSQL database through a proxy, and has the account of Ada.
pub(crate) struct Proxied {
    pub(crate) browser: Browser,
    pub(crate) server: ServerProcess,
    pub(crate) proxy: Proxy,
    pub(crate) database: TestDatabase,
    // Deleted after the end of the server.
    _data: TempDir,
}

impl Proxied {
    pub(crate) fn start() -> Self {
        let database = TestDatabase::postgres();
        let (proxy, url) = Proxy::to_database(database.url());
        let data = folder();
        let server = start(data.path(), &url, &[]);
        let mut browser = Browser::at(server.origin());
        assert_eq!(browser.register("ada").status, 201);
        Self { browser, server, proxy, database, _data: data }
    }
}

/// A server on this database with the common environment. Returns its data directory too.
pub(crate) fn server_on(database: &TestDatabase) -> (ServerProcess, TempDir) {
    let data = folder();
    (start(data.path(), database.url(), &[]), data)
}

/// The same in an existing directory, with additional variables.
pub(crate) fn start(data: &Path, database_url: &str, more: &[(&str, &str)]) -> ServerProcess {
    ServerProcess::start(data, &environment(database_url, more))
}

/// The common environment of the servers of these tests, with additional variables.
pub(crate) fn environment<'a>(
    database_url: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut environment = vec![
        ("DATABASE_URL", database_url),
        ("SECRET_KEY", SECRET),
        // A leak would show in the log; names that are numbers must not be moderated as words.
        ("PORTCULLIS__LOG__LEVEL", "debug"),
        ("PORTCULLIS__MODERATION", "off"),
    ];
    environment.extend_from_slice(more);
    environment
}

/// A directory that is deleted after the test.
pub(crate) fn folder() -> TempDir {
    TempDir::new().expect("the system has a folder for temporary files")
}

/// Waits until it holds; panics when a lease of a killed node would long be over.
pub(crate) fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    const TIMEOUT: Duration = Duration::from_secs(120);
    let (clock, pause) = (SystemClock::new(), Condvar::new());
    let begun = clock.monotonic();
    while !holds() {
        assert!(clock.monotonic().saturating_sub(begun) < TIMEOUT, "not in time: {what}");
        let lock = Mutex::new(());
        let guard = lock.lock().expect("nobody else has it");
        drop(pause.wait_timeout(guard, Duration::from_millis(50)));
    }
}
