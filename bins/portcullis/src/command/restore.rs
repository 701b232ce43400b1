//! `restore`: restores a backup into the configured database.
//!
//! The whole file is verified before anything is written. The database shows the restored state at once or not at
//! all: a file takes the place of another one, or one transaction is committed.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::node::backup::{ArchiveReader, BackupKey, DatabaseKind, Header, Manifest};
use portcullis_flows::node::restore::{Restoration, RestoreError, Voided, Voiding};
use portcullis_flows::node::secret::SecretError;
use portcullis_storage::{Database, DatabaseUrl, Replacement, Store};
use portcullis_token::{LEEWAY, SecretKey};
use serde::Serialize;

use crate::backup_file::{self, KeyArguments};
use crate::config::{Config, LoadedConfig};
use crate::failure::Failure;
use crate::operator::local_origin;
use crate::output::Output;
use crate::{assembly, opening, progress};

/// The backup, its key, and what may be replaced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis restore /backups/portcullis-2027-01-15 --key-file /root/backup-key
  portcullis restore /backups/today --check

The restored state is older than the lost one. So the restore ends all sessions and access tokens, and deletes
links and codes that were mailed, invitations, unsent mails, API keys and backup codes. Changed passwords, removed
factors, locked and deleted accounts, bans and the access matrix are as in the backup. See docs/operations.md.

Exit codes: 0 restored, 1 not restored, or restored with an audit log that has faults.")]
pub(crate) struct Arguments {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    key: KeyArguments,
    /// Verify the file and restore nothing
    #[arg(long, conflicts_with_all = ["replace", "keep_credentials"])]
    check: bool,
    /// Replace the data of the configured database; a SQLite file is kept under another name
    #[arg(long)]
    replace: bool,
    /// Keep API keys and backup codes, because none was revoked or used since the backup
    #[arg(long)]
    keep_credentials: bool,
}

pub(crate) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let source = Source { path: &arguments.file, key: arguments.key.read()? };
    let bar = progress::waiting("verifying the backup", output);
    let (header, manifest) = source.verify()?;
    bar.finish_and_clear();
    if arguments.check {
        let (made_at, version) = (header.made_at(), header.version);
        output.answer(&Checked { intact: true, made_at, version, database: manifest.database })?;
        return Ok(ExitCode::SUCCESS);
    }
    let (config, _) = loaded.sound()?;
    let secret = proved_secret(&config, &manifest)?;
    check_kind(&config, &manifest)?;
    let is_newer = portcullis_storage::is_newer(&manifest);
    if is_newer.map_err(|error| backup_file::failure(source.path, &error))? {
        return Err(refusal(source.path, RestoreError::Newer("database of the backup")));
    }
    check_clock(header.made_at(), Ambient::system().now())?;
    let voiding = Voiding { keeps_credentials: arguments.keep_credentials };
    let origin = local_origin("restore");
    let restoration = Restoration::new(&header, &manifest, voiding, origin, Ambient::system());
    let restore = Restore { config: &config, secret: &secret, source: &source, restoration };
    let bar = progress::waiting("restoring", output);
    let done = match &config.database.url {
        DatabaseUrl::Sqlite(target) => restore.replace_file(target, arguments.replace)?,
        url @ DatabaseUrl::Postgres(_) => restore.fill_server(url, &manifest, arguments.replace)?,
    };
    // Access tokens of this second are refused, as those before: the next start issues later ones.
    let clock = Ambient::system().clock;
    let begun = clock.monotonic();
    while clock.monotonic().saturating_sub(begun) < Duration::from_secs(1) {
        thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
    let is_intact = done.audit_log_intact;
    output.answer(&Report { made_at: header.made_at(), done })?;
    Ok(if is_intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The file of the backup and its key.
struct Source<'a> {
    path: &'a Path,
    key: Option<BackupKey>,
}

type Archive = ArchiveReader<BufReader<File>>;

impl Source<'_> {
    fn open(&self) -> Result<(Header, Manifest, Archive), Failure> {
        let file = File::open(self.path).map_err(|error| {
            Failure::failed(format!("{}: {error}", self.path.display()), "name another file")
        })?;
        let file = BufReader::with_capacity(256 * 1024, file);
        ArchiveReader::begin(file, self.key.as_ref())
            .map_err(|error| backup_file::failure(self.path, &error))
    }

    fn verify(&self) -> Result<(Header, Manifest), Failure> {
        let (header, manifest, archive) = self.open()?;
        archive.verify().map_err(|error| backup_file::failure(self.path, &error))?;
        Ok((header, manifest))
    }
}

/// The secret key, which must be that of the backup: the sealed data opens with no other one.
fn proved_secret(config: &Config, manifest: &Manifest) -> Result<SecretKey, Failure> {
    let Some(fingerprint) = &manifest.secret else { return opening::secret(config) };
    let secret = opening::secret_in_place(config)?;
    if secret.fingerprint().to_string() == *fingerprint {
        return Ok(secret);
    }
    let previous = config.tokens.previous.as_ref();
    if previous.is_some_and(|previous| previous.fingerprint().to_string() == *fingerprint) {
        let problem = "the backup was made under the secret in SECRET_KEY_PREVIOUS";
        let remedy = "set SECRET_KEY to it for the restore, and replace it afterwards";
        return Err(Failure::failed(problem, remedy));
    }
    Err(opening::unproved(SecretError::Another))
}

/// Refuses a clock that is behind the backup: tokens of after the backup would count as issued after the restore.
fn check_clock(made_at: Timestamp, now: Timestamp) -> Result<(), Failure> {
    if made_at <= now + LEEWAY {
        return Ok(());
    }
    let problem = "the clock of this machine is before the time of the backup";
    Err(Failure::failed(problem, "correct the clock; nothing was changed"))
}

fn check_kind(config: &Config, manifest: &Manifest) -> Result<(), Failure> {
    let configured = match config.database.url {
        DatabaseUrl::Sqlite(_) => DatabaseKind::Sqlite,
        DatabaseUrl::Postgres(_) => DatabaseKind::Postgres,
    };
    if manifest.database == configured {
        return Ok(());
    }
    let (of_backup, configured) = (manifest.database.as_str(), configured.as_str());
    let problem = format!("the backup is one of {of_backup}, and the database is {configured}");
    Err(Failure::failed(problem, format!("set DATABASE_URL to a database of {of_backup}")))
}

/// A verified backup and the server that it belongs to.
struct Restore<'a> {
    config: &'a Config,
    secret: &'a SecretKey,
    source: &'a Source<'a>,
    restoration: Restoration,
}

impl Restore<'_> {
    /// Prepares a draft beside the file, which takes its place when it is complete.
    fn replace_file(&self, target: &Path, replaces: bool) -> Result<Restored, Failure> {
        if target.starts_with(&self.config.data_dir) {
            opening::ensure_data_dir(self.config)?;
        }
        let refused = |error| refusal(target, error);
        let mut replacement = Replacement::begin(target, replaces).map_err(refused)?;
        let (_, _, mut archive) = self.source.open()?;
        io::copy(&mut archive, replacement.file())
            .map_err(|error| refusal(target, error.into()))?;
        replacement.check().map_err(refused)?;
        let store = opening::sealed(Database::new(&replacement.url(), 1), self.secret);
        opening::migrate(&store)?;
        let voided = self.restoration.void(&store)?;
        let restored = self.checked(&store, voided)?;
        // The draft takes the place of the database when nothing uses it any more.
        drop(store);
        let moment = Ambient::system().clock.now().as_micros();
        let suffix = format!(".before-restore-{moment}");
        let former_database = replacement.finish(&suffix).map_err(refused)?;
        Ok(Restored { former_database, ..restored })
    }

    /// Restores in one transaction.
    fn fill_server(
        &self,
        url: &DatabaseUrl,
        manifest: &Manifest,
        replaces: bool,
    ) -> Result<Restored, Failure> {
        // One connection: a further one would show the database in use.
        let store = opening::sealed(Database::new(url, 1), self.secret);
        let (_, _, mut archive) = self.source.open()?;
        let voiding = self.restoration.voiding();
        let effects = |voided: &Voided| self.restoration.effects(voided);
        let voided = store
            .restore(manifest, &mut archive, replaces, voiding, &effects)
            .map_err(|error| refusal(self.source.path, error))?;
        self.checked(&store, voided)
    }

    /// Covers the restore by a checkpoint, and verifies the audit log.
    fn checked(&self, store: &Arc<Store>, voided: Voided) -> Result<Restored, Failure> {
        let Self { config, secret, .. } = self;
        let ambient = Ambient::system();
        let checkpoint =
            assembly::audit::checkpoints(store, config, secret, &ambient).make(Duration::ZERO)?;
        let keys: Vec<_> = config.tokens.previous.iter().chain([*secret]).collect();
        let keys: Vec<_> = keys.into_iter().map(assembly::audit::keys).collect();
        let keys: Vec<_> = keys.iter().collect();
        let report = assembly::audit::verification(store)
            .verify(&keys, &[], &mut || {})
            .map_err(|error| Failure::failed(error, "run `portcullis audit verify`"))?;
        Ok(Restored {
            voided: VoidedOutput::from(voided),
            checkpoint: checkpoint.map(|checkpoint| checkpoint.number()),
            audit_log_intact: report.is_intact(),
            former_database: None,
        })
    }
}

/// The failure of a restore that has changed nothing.
fn refusal(path: &Path, error: RestoreError) -> Failure {
    let remedy = match error {
        RestoreError::Backup(error) => return backup_file::failure(path, &error),
        RestoreError::Store(error) => return error.into(),
        RestoreError::NotEmpty => "name an empty database, or add --replace to replace its data",
        RestoreError::InUse => "stop every server, worker and command that uses it",
        RestoreError::Newer(_) => "use that version, or a later one",
    };
    Failure::failed(error, remedy)
}

#[derive(Serialize)]
struct Checked {
    intact: bool,
    made_at: Timestamp,
    version: String,
    database: DatabaseKind,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { made_at, version, database, .. } = self;
        let kind = database.as_str();
        write!(
            f,
            "The backup of {made_at}, {kind}, by version {version}, is complete and unchanged."
        )
    }
}

/// A restored database.
#[derive(Serialize)]
struct Restored {
    voided: VoidedOutput,
    checkpoint: Option<u64>,
    audit_log_intact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    former_database: Option<PathBuf>,
}

#[derive(Serialize)]
struct VoidedOutput {
    sessions: u64,
    api_keys: u64,
    backup_codes: u64,
    links: u64,
    mails: u64,
    signing_keys: u64,
}

impl From<Voided> for VoidedOutput {
    fn from(voided: Voided) -> Self {
        let Voided { sessions, api_keys, backup_codes, links, mails, signing_keys } = voided;
        Self { sessions, api_keys, backup_codes, links, mails, signing_keys }
    }
}

#[derive(Serialize)]
struct Report {
    made_at: Timestamp,
    #[serde(flatten)]
    done: Restored,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Restored { voided, checkpoint, audit_log_intact, former_database } = &self.done;
        let VoidedOutput { sessions, api_keys, backup_codes, links, mails, signing_keys } = voided;
        writeln!(f, "The backup of {} is restored. Void are:", self.made_at)?;
        writeln!(f, "  sessions                  {sessions}, and all access tokens")?;
        writeln!(f, "  links and invitations     {links}")?;
        writeln!(f, "  unsent mails              {mails}")?;
        writeln!(f, "  API keys                  {api_keys}")?;
        writeln!(f, "  accounts' backup codes    {backup_codes}")?;
        writeln!(f, "  keys of access tokens     {signing_keys}")?;
        writeln!(
            f,
            "As in the backup are passwords, factors, deleted and locked accounts, bans and the access matrix: \
             repeat what was changed since."
        )?;
        if let Some(former) = former_database {
            writeln!(f, "The former database is kept in {}.", former.display())?;
        }
        if let Some(checkpoint) = checkpoint {
            writeln!(
                f,
                "Checkpoint {checkpoint} covers the restore: export it with `portcullis audit checkpoint`, and \
                 note beside the older ones that they belong to the lost state."
            )?;
        }
        f.write_str(if *audit_log_intact {
            "The audit log is intact."
        } else {
            "The audit log has FAULTS: run `portcullis audit verify`, with former secrets if there were any."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_the_backup_is_refused() {
        let made_at = Timestamp::from_seconds(1_000_000);
        assert!(check_clock(made_at, made_at).is_ok());
        assert!(check_clock(made_at, made_at - LEEWAY).is_ok());
        assert!(check_clock(made_at, made_at - LEEWAY - Duration::from_secs(1)).is_err());
    }
}
