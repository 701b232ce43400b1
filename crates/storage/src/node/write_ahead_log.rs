//! The write-ahead log of SQLite at the end of a process.

use diesel::connection::SimpleConnection;
use portcullis_flows::StoreError;

use crate::connection::Inner;
use crate::database::Database;

impl Database {
    /// Writes the write-ahead log of SQLite into the database file, and empties it, unless another process uses it.
    /// So a copy of the stopped database is one file. PostgreSQL needs nothing of it.
    pub fn empty_write_ahead_log(&self) -> Result<(), StoreError> {
        let emptied = self.on_one_connection(|connection| match &mut connection.inner {
            Inner::Sqlite(inner) => Ok(inner.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?),
            Inner::Postgres(_) => Ok(()),
        });
        Ok(emptied?)
    }
}
