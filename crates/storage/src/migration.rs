//! Schema changes, applied at start by one node while the others wait.

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use portcullis_flows::StoreError;

use crate::connection::{Connection, Inner, Lock};
use crate::database::Database;
use crate::failure::Failure;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

impl Database {
    /// Applies what is missing and answers the versions applied: all of them or, when one fails,
    /// none. Any number of nodes may call it at once; one at a time gets through.
    pub fn migrate(&self) -> Result<Vec<String>, StoreError> {
        self.locked(|connection| match &mut connection.inner {
            Inner::Postgres(inner) => versions(inner.run_pending_migrations(POSTGRES)),
            Inner::Sqlite(inner) => versions(inner.run_pending_migrations(SQLITE)),
        })
    }

    /// The versions that are not applied yet.
    pub fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.locked(|connection| match &mut connection.inner {
            Inner::Postgres(inner) => names(inner.pending_migrations(POSTGRES)),
            Inner::Sqlite(inner) => names(inner.pending_migrations(SQLITE)),
        })
    }

    /// The versions that are applied and not known here: a newer program has been at work.
    pub fn unknown_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.locked(|connection| {
            let (applied, known) = match &mut connection.inner {
                Inner::Postgres(inner) => {
                    (versions(inner.applied_migrations())?, names::<Pg>(POSTGRES.migrations())?)
                }
                Inner::Sqlite(inner) => {
                    (versions(inner.applied_migrations())?, names::<Sqlite>(SQLITE.migrations())?)
                }
            };
            Ok(applied.into_iter().filter(|version| !known.contains(version)).collect())
        })
    }

    /// Takes back every migration; the data is lost.
    pub fn revert_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.locked(|connection| match &mut connection.inner {
            Inner::Postgres(inner) => versions(inner.revert_all_migrations(POSTGRES)),
            Inner::Sqlite(inner) => versions(inner.revert_all_migrations(SQLITE)),
        })
    }

    fn locked<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, String>,
    ) -> Result<T, StoreError> {
        self.write(|connection| {
            if let Inner::Postgres(inner) = &mut connection.inner {
                // Another node may take longer over its migrations than any statement otherwise may.
                inner
                    .batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
            }
            Lock::Migration.take(connection)?;
            body(connection).map_err(Failure::Migration)
        })
    }
}

type Outcome<T> = Result<Vec<T>, Box<dyn std::error::Error + Send + Sync>>;

fn versions(applied: Outcome<MigrationVersion<'_>>) -> Result<Vec<String>, String> {
    let applied = applied.map_err(|error| error.to_string())?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

fn names<DB: Backend>(pending: Outcome<Box<dyn Migration<DB>>>) -> Result<Vec<String>, String> {
    let pending = pending.map_err(|error| error.to_string())?;
    Ok(pending.iter().map(|migration| migration.name().version().to_string()).collect())
}
