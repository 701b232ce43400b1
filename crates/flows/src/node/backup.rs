//! Backups of the whole database: the file format, its encryption, and the statement of its content.
//!
//! A backup is read twice: first to its end, which proves that it is complete and unchanged, and only then for the
//! restore. So nothing is written from a damaged file.

mod archive;
mod header;

use std::io;

use portcullis_password::PassphraseError;
use serde::{Deserialize, Serialize};

pub use self::archive::{ArchiveReader, ArchiveWriter};
pub use self::header::{BackupKey, Encryption, Header};
use crate::StoreError;

/// The kind of a database. A backup is restored into a database of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// SQLite: the content is a database file.
    Sqlite,
    /// PostgreSQL: the content is the rows of each table.
    Postgres,
}

impl DatabaseKind {
    /// The name for operators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What the content of a backup is; read in the same snapshot as the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The kind of the database.
    pub database: DatabaseKind,
    /// The versions of its migrations.
    pub migrations: Vec<String>,
    /// The fingerprint of its secret key; `None` before the first start.
    pub secret: Option<String>,
    /// The number of the latest checkpoint of its audit log.
    pub checkpoint: Option<u64>,
}

/// The reason why a backup was not made or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another backup of this database is being made.
    #[error("another backup of this database is in progress")]
    InProgress,
    /// The file is something else.
    #[error("the file is no backup of Portcullis")]
    NotABackup,
    /// A later version has made the file.
    #[error("the file has a format of a newer version of Portcullis")]
    NewerFormat,
    /// The file is encrypted, and no key of this kind was given.
    #[error("the backup is encrypted: give its {0}")]
    NeedsKey(&'static str),
    /// A key was given and the file is not encrypted. An attacker could have put it in the place of an encrypted one.
    #[error("the backup is not encrypted, although a key was given")]
    NotEncrypted,
    /// The first chunk does not open.
    #[error("the key is another one, or the beginning of the file is damaged")]
    AnotherKey,
    /// A later chunk does not open.
    #[error("the file is damaged or incomplete from byte {0} on")]
    Damaged(u64),
    /// The passphrase gives no key.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The content is not what its manifest says.
    #[error("the content of the backup is not valid: {0}")]
    Invalid(String),
}
