//! What the servers of these tests are started with.

use std::path::Path;

use portcullis_testkit::{ServerProcess, TestDatabase};
use tempfile::TempDir;

/// Known to nobody but these tests, and random enough to be accepted.
pub(crate) const SECRET: &str = "uT7xQ2mB9vK4cW8nR1zE6yJ3pH5sD0gL";

/// A server on this database, with what every server of these tests has, and its data directory.
pub(crate) fn server_on(database: &TestDatabase) -> (ServerProcess, TempDir) {
    let data = folder();
    (start(data.path(), database.url(), &[]), data)
}

/// The same in a directory that is there already, with more in the environment.
pub(crate) fn start(data: &Path, database_url: &str, more: &[(&str, &str)]) -> ServerProcess {
    ServerProcess::start(data, &environment(database_url, more))
}

/// What every server of these tests has in its environment, and more.
pub(crate) fn environment<'a>(
    database_url: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut environment = vec![
        ("DATABASE_URL", database_url),
        ("SECRET_KEY", SECRET),
        // What a leak would show in, and names that are numbers are not to be taken for words.
        ("PORTCULLIS__LOG__LEVEL", "debug"),
        ("PORTCULLIS__MODERATION", "off"),
    ];
    environment.extend_from_slice(more);
    environment
}

/// A directory that is gone after the test.
pub(crate) fn folder() -> TempDir {
    TempDir::new().expect("the system has a folder for temporary files")
}
