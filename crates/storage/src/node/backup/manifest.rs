//! The manifest of a backup, read in the snapshot of its content.

use diesel::prelude::*;
use portcullis_flows::node::backup::{BackupError, DatabaseKind, Manifest};
use portcullis_token::Digest;

use crate::connection::{Connection, Inner, dispatch};
use crate::database::Database;
use crate::failure::Failure;
use crate::migration;
use crate::schema::{audit_checkpoints, secret_fingerprint};
use crate::sql_type::natural;

/// Returns the manifest of the present state.
pub(super) fn of(database: &Database) -> Result<Manifest, BackupError> {
    Ok(database.on_one_connection(|connection| connection.read_snapshot(read))?)
}

/// Reads the manifest in the transaction that has begun.
pub(super) fn read(connection: &mut Connection) -> Result<Manifest, Failure> {
    let database = match &connection.inner {
        Inner::Postgres(_) => DatabaseKind::Postgres,
        Inner::Sqlite(_) => DatabaseKind::Sqlite,
    };
    let migrations = migration::applied(connection)?;
    let secret = if migration::has_table(connection, "secret_fingerprint")? {
        let query = secret_fingerprint::table.select(secret_fingerprint::fingerprint);
        let found: Option<Vec<u8>> = dispatch!(connection, inner => query.first(inner).optional())?;
        let corrupt = Failure::Corrupt { table: "secret_fingerprint", column: "fingerprint" };
        let digest = found.map(|bytes| Digest::try_from(&*bytes)).transpose();
        digest.map_err(|_| corrupt)?.map(|digest| digest.to_string())
    } else {
        None
    };
    let checkpoint = if migration::has_table(connection, "audit_checkpoints")? {
        let query = audit_checkpoints::table.select(diesel::dsl::max(audit_checkpoints::number));
        let latest: Option<i64> = dispatch!(connection, inner => query.first(inner))?;
        latest.map(natural)
    } else {
        None
    };
    Ok(Manifest { database, migrations, secret, checkpoint })
}
