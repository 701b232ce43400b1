//! `backup`: writes a backup of the database to a file, while servers use it.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::node::backup::{ArchiveWriter, DatabaseKind, Header};
use portcullis_storage::Database;
use serde::Serialize;

use crate::backup_file::{self, KeyArguments};
use crate::config::{LoadedConfig, Secret};
use crate::failure::Failure;
use crate::output::Output;
use crate::{opening, progress};

/// The file of the backup and its key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis backup /backups/portcullis-2027-01-15 --key-file /root/backup-key
  pass show portcullis-backup | portcullis backup /backups/today --passphrase-stdin
  portcullis restore /backups/today --check --key-file /root/backup-key

The file has every write that was confirmed before the command began. It has neither SECRET_KEY, without which
it cannot be restored, nor the configuration: keep both at another place.")]
pub(crate) struct Arguments {
    /// The new file; an existing file is never replaced
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    key: KeyArguments,
}

pub(crate) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let path = arguments.file.as_path();
    let (config, _) = loaded.sound()?;
    if !opening::is_there(&config)? {
        return Err(opening::no_database());
    }
    let key = arguments.key.read()?;
    let Ambient { clock, random } = Ambient::system();
    let header = Header::new(clock.now(), key.as_ref(), &*random);
    let database = Database::new(&config.database.url, 1);
    let bar = progress::waiting("writing the backup", output);
    let manifest = backup_file::create(path, |file| {
        let mut archive = ArchiveWriter::begin(file, &header, key.as_ref())?;
        let manifest = database.back_up(&mut archive)?;
        archive.finish()?;
        Ok(manifest)
    });
    bar.finish_and_clear();
    let manifest = manifest.map_err(|error| backup_file::failure(path, &error))?;
    output.answer(&Report {
        backup: path.to_owned(),
        made_at: header.made_at(),
        database: manifest.database,
        checkpoint: manifest.checkpoint,
        encrypted: key.is_some(),
        secret_key_file: match config.tokens.secret {
            Secret::Generated(path) => Some(path),
            Secret::Configured(_) => None,
        },
    })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Report {
    backup: PathBuf,
    made_at: Timestamp,
    database: DatabaseKind,
    checkpoint: Option<u64>,
    encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key_file: Option<PathBuf>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (backup, kind) = (self.backup.display(), self.database.as_str());
        let encrypted = if self.encrypted { "encrypted" } else { "NOT encrypted" };
        writeln!(f, "The backup of {}, {kind}, {encrypted}, is in {backup}.", self.made_at)?;
        match &self.secret_key_file {
            None => write!(f, "It does not have SECRET_KEY: keep that at another place."),
            Some(path) => write!(
                f,
                "It does not have the secret key: keep a copy of {} at another place.",
                path.display()
            ),
        }
    }
}
