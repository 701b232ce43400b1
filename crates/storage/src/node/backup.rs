//! Backups of the whole database from one snapshot, and their restore.
//!
//! SQLite copies itself by `VACUUM INTO`, which neither waits for writers nor delays them. PostgreSQL is read table by
//! table in one transaction: a backup needs no program of PostgreSQL, its version does not matter, and its restore
//! is one transaction with the migrations, the rows and what the restore voids.

mod manifest;
mod postgres;
mod sqlite;

use std::io::{Read, Write};

use portcullis_flows::effects::EffectsOf;
use portcullis_flows::node::backup::{BackupError, Manifest};
use portcullis_flows::node::restore::{RestoreError, Voided, Voiding};

pub use self::sqlite::Replacement;
use crate::connection::Inner;
use crate::database::Database;
use crate::failure::Failure;
use crate::migration;
use crate::store::Store;

impl Database {
    /// Writes manifest and content of a backup, from one snapshot.
    pub fn back_up(&self, to: &mut dyn Write) -> Result<Manifest, BackupError> {
        let copied = self.on_one_connection(|connection| {
            if let Inner::Postgres(_) = &connection.inner {
                return postgres::write(connection, to).map(Ok);
            }
            sqlite::copy(connection).map(Err)
        })?;
        match copied {
            Ok(manifest) => Ok(manifest),
            Err(copy) => sqlite::write(&copy?, to),
        }
    }
}

/// Returns whether a later version of the program has made a backup.
pub fn is_newer(manifest: &Manifest) -> Result<bool, BackupError> {
    Ok(migration::is_newer(manifest.database, &manifest.migrations)?)
}

impl Store {
    /// Restores the rows of a backup into PostgreSQL, voids what they may not bring back, and migrates to the schema
    /// of this program: all of it or nothing. Existing data is replaced only with `replaces`.
    pub fn restore(
        &self,
        manifest: &Manifest,
        rows: &mut dyn Read,
        replaces: bool,
        voiding: Voiding,
        effects: EffectsOf<'_, Voided>,
    ) -> Result<Voided, RestoreError> {
        let mut refused = None;
        let restored = self.write_with(|connection| {
            match postgres::restore(connection, manifest, rows, replaces, voiding)? {
                Ok(voided) => Ok((voided, effects(&voided))),
                Err(refusal) => {
                    refused = Some(refusal);
                    Err(Failure::Backup("it was not restored".to_owned()))
                }
            }
        });
        match refused {
            Some(refusal) => Err(refusal),
            None => Ok(restored?),
        }
    }
}
