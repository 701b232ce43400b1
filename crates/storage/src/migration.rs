//! Schema migrations, applied at start by one node while the others wait.

use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use portcullis_flows::StoreError;
use portcullis_flows::node::backup::DatabaseKind;

use crate::connection::{Connection, Inner, Lock, dispatch};
use crate::database::Database;
use crate::failure::Failure;
use crate::identity::email_key;
use crate::sql_type::natural;

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The migration that drops the events of the first version, which have no seal.
const DROPS_EVENTS: &str = "20261121010000";

/// The error of a migration. The schema was not changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database contains events without a seal, which the migration would drop.
    #[error(
        "the database holds {0} security events of a version that did not seal them, and the next \
         migration drops them"
    )]
    UnsealedEvents(u64),
    /// An error of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Applies the missing migrations and returns their versions: all of them or, on an error,
    /// none. Any number of nodes may call this at the same time; one at a time proceeds. Refuses to
    /// drop events.
    pub fn migrate(&self) -> Result<Vec<String>, MigrationError> {
        self.locked(|connection| match unsealed_events(connection)? {
            0 => apply(connection).map(Ok),
            events => Ok(Err(MigrationError::UnsealedEvents(events))),
        })?
    }

    /// Does the same as [`Database::migrate`], for an operator who agrees to drop the events
    /// without a seal. Returns the number of dropped events as well.
    pub fn migrate_dropping_unsealed_events(&self) -> Result<(Vec<String>, u64), StoreError> {
        self.locked(|connection| {
            let events = unsealed_events(connection)?;
            Ok((apply(connection)?, events))
        })
    }

    /// Returns the versions that are not applied yet.
    pub fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        if !self.read(|connection| has_table(connection, HISTORY))? {
            // A query through Diesel would create the table.
            return self.read(|connection| known(connection).map_err(Failure::Migration));
        }
        self.locked(|connection| {
            let pending = match &mut connection.inner {
                Inner::Postgres(inner) => names(inner.pending_migrations(POSTGRES)),
                Inner::Sqlite(inner) => names(inner.pending_migrations(SQLITE)),
            };
            pending.map_err(Failure::Migration)
        })
    }

    /// Returns the applied versions that this program does not know: a newer program has applied
    /// them.
    pub fn unknown_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.locked(|connection| {
            let applied = match &mut connection.inner {
                Inner::Postgres(inner) => versions(inner.applied_migrations()),
                Inner::Sqlite(inner) => versions(inner.applied_migrations()),
            };
            let applied = applied.map_err(Failure::Migration)?;
            let known = known(connection).map_err(Failure::Migration)?;
            Ok(applied.into_iter().filter(|version| !known.contains(version)).collect())
        })
    }

    /// Reverts every migration; all data is lost.
    pub fn revert_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.locked(revert_all)
    }

    /// Reverts the latest migration.
    #[cfg(feature = "testkit")]
    pub(crate) fn revert_last_migration(&self) -> Result<(), StoreError> {
        self.locked(|connection| {
            let reverted = match &mut connection.inner {
                Inner::Postgres(inner) => inner.revert_last_migration(POSTGRES).map(drop),
                Inner::Sqlite(inner) => inner.revert_last_migration(SQLITE).map(drop),
            };
            reverted.map_err(|error| Failure::Migration(error.to_string()))
        })
    }

    fn locked<T>(
        &self,
        body: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.write(|connection| {
            if let Inner::Postgres(inner) = &mut connection.inner {
                // The migrations of another node may take longer than the statement timeout.
                inner
                    .batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
            }
            Lock::Migration.take(connection)?;
            body(connection)
        })
    }
}

/// The table in which Diesel records the applied versions.
const HISTORY: &str = "__diesel_schema_migrations";

/// Applies the missing migrations, and renews the email keys in the same transaction.
pub(crate) fn apply(connection: &mut Connection) -> Result<Vec<String>, Failure> {
    let applied = match &mut connection.inner {
        Inner::Postgres(inner) => versions(inner.run_pending_migrations(POSTGRES)),
        Inner::Sqlite(inner) => versions(inner.run_pending_migrations(SQLITE)),
    };
    let applied = applied.map_err(Failure::Migration)?;
    for account in email_key::renew(connection)? {
        tracing::warn!(
            %account,
            "the email of this account has no key of its own; `portcullis doctor` says why"
        );
    }
    Ok(applied)
}

/// Applies exactly these migrations to an empty schema: that of a backup.
pub(crate) fn apply_only(connection: &mut Connection, wanted: &[String]) -> Result<(), Failure> {
    fn run<C: MigrationHarness<DB>, DB: Backend>(
        inner: &mut C,
        all: Outcome<Box<dyn Migration<DB>>>,
        wanted: &[String],
    ) -> diesel::migration::Result<()> {
        // The first query creates the table of applied versions.
        inner.applied_migrations()?;
        let mut all = all?;
        all.sort_by_cached_key(|migration| migration.name().version().to_string());
        for migration in all {
            if wanted.contains(&migration.name().version().to_string()) {
                inner.run_migration(&migration)?;
            }
        }
        Ok(())
    }
    let done = match &mut connection.inner {
        Inner::Postgres(inner) => run(inner, POSTGRES.migrations(), wanted),
        Inner::Sqlite(inner) => run(inner, SQLITE.migrations(), wanted),
    };
    done.map_err(|error| Failure::Migration(error.to_string()))
}

/// Returns the applied versions.
pub(crate) fn applied(connection: &mut Connection) -> Result<Vec<String>, Failure> {
    if !has_table(connection, HISTORY)? {
        return Ok(Vec::new());
    }
    let versions = format!("SELECT version FROM {HISTORY} ORDER BY version");
    let versions = diesel::dsl::sql::<Text>(&versions);
    Ok(dispatch!(connection, inner => versions.load(inner))?)
}

/// Returns whether one of these versions is unknown, because a later version of the program has applied it.
pub(crate) fn is_newer(database: DatabaseKind, versions: &[String]) -> Result<bool, Failure> {
    let known = match database {
        DatabaseKind::Postgres => names::<Pg>(POSTGRES.migrations()),
        DatabaseKind::Sqlite => names::<Sqlite>(SQLITE.migrations()),
    };
    let known = known.map_err(Failure::Migration)?;
    Ok(versions.iter().any(|version| !known.contains(version)))
}

/// Reverts every migration: the tables are gone.
pub(crate) fn revert_all(connection: &mut Connection) -> Result<Vec<String>, Failure> {
    let reverted = match &mut connection.inner {
        Inner::Postgres(inner) => versions(inner.revert_all_migrations(POSTGRES)),
        Inner::Sqlite(inner) => versions(inner.revert_all_migrations(SQLITE)),
    };
    reverted.map_err(Failure::Migration)
}

/// Returns the number of events without a seal.
fn unsealed_events(connection: &mut Connection) -> Result<u64, Failure> {
    if !has_table(connection, HISTORY)? || !has_table(connection, "security_events")? {
        return Ok(0);
    }
    let unsealed = format!(
        "SELECT count(*) FROM security_events WHERE NOT EXISTS
         (SELECT 1 FROM {HISTORY} WHERE version = '{DROPS_EVENTS}')"
    );
    let unsealed = diesel::dsl::sql::<BigInt>(&unsealed);
    Ok(natural(dispatch!(connection, inner => unsealed.get_result(inner))?))
}

/// Returns whether a table with this name exists.
pub(crate) fn has_table(connection: &mut Connection, name: &'static str) -> Result<bool, Failure> {
    let look = match &mut connection.inner {
        Inner::Postgres(_) => "SELECT to_regclass(",
        Inner::Sqlite(_) => "SELECT (SELECT name FROM sqlite_master WHERE name = ",
    };
    let look = diesel::dsl::sql::<Bool>(look).bind::<Text, _>(name).sql(") IS NOT NULL");
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

/// Returns all versions that this program knows.
fn known(connection: &Connection) -> Result<Vec<String>, String> {
    match &connection.inner {
        Inner::Postgres(_) => names::<Pg>(POSTGRES.migrations()),
        Inner::Sqlite(_) => names::<Sqlite>(SQLITE.migrations()),
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
