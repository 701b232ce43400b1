//! The clock of PostgreSQL under the control of a test: a function of the test shadows `clock_timestamp`.

use portcullis_testkit::TestDatabase;

/// A PostgreSQL whose clock can be set.
pub(crate) struct PostgresWithClock {
    pub(crate) database: TestDatabase,
    /// The URL for servers.
    pub(crate) url: String,
}

impl PostgresWithClock {
    /// An empty database; its clock is that of the host.
    pub(crate) fn new() -> Self {
        let database = TestDatabase::postgres();
        let make = "CREATE TABLE clockwork (ahead interval NOT NULL);
             INSERT INTO clockwork VALUES ('0');
             CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
             AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM clockwork'";
        database.store().execute(make).expect("the database answers");
        let url = format!("{}%2Cpg_catalog", database.url());
        Self { database, url }
    }

    /// Sets the clock ahead of that of the host by this interval, or behind by a negative one.
    pub(crate) fn set(&self, ahead: &str) {
        let set = format!("UPDATE clockwork SET ahead = '{ahead}'");
        self.database.store().execute(&set).expect("the database answers");
    }
}
