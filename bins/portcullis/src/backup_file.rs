//! The file of a backup: its key, and its creation. The file appears under its name only when it is complete and on
//! the disk, never in the place of another file, and only its owner can read it.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use portcullis_domain::{ExposeSecret, SecretString, SecureRandom, SystemRandom};
use portcullis_flows::node::backup::{BackupError, BackupKey};

use crate::failure::Failure;
use crate::input;

/// The key of an encrypted backup.
#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    /// The file with the key of the backup: at least 32 random characters, such as from `openssl rand -base64 48`
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_stdin")]
    key_file: Option<PathBuf>,
    /// Read the passphrase of the backup from standard input
    #[arg(long)]
    passphrase_stdin: bool,
}

impl KeyArguments {
    /// The key; `None` for a backup without encryption.
    pub(crate) fn read(&self) -> Result<Option<BackupKey>, Failure> {
        const MIN_KEY: usize = 32;
        const MIN_PASSPHRASE: usize = 12;
        if self.passphrase_stdin {
            let passphrase = input::secret_line("passphrase")?;
            if passphrase.expose_secret().chars().count() < MIN_PASSPHRASE {
                let problem = format!("the passphrase has fewer than {MIN_PASSPHRASE} characters");
                return Err(Failure::failed(problem, "choose five random words or more"));
            }
            return Ok(Some(BackupKey::Passphrase(passphrase)));
        }
        let Some(path) = &self.key_file else { return Ok(None) };
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::failed(format!("{}: {error}", path.display()), "name the file with the key")
        })?;
        let key = SecretString::from(text.trim_end());
        if key.expose_secret().len() < MIN_KEY {
            let problem = format!("{} has fewer than {MIN_KEY} characters", path.display());
            return Err(Failure::failed(problem, "make a key with `openssl rand -base64 48`"));
        }
        Ok(Some(BackupKey::File(key)))
    }
}

/// Writes a file that must not exist yet.
pub(crate) fn create<T>(
    path: &Path,
    body: impl FnOnce(&mut BufWriter<File>) -> Result<T, BackupError>,
) -> Result<T, BackupError> {
    refuse_existing(path)?;
    let mut suffix = [0; 8];
    SystemRandom.fill(&mut suffix);
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:016x}.partial", u64::from_le_bytes(suffix)));
    let draft = PathBuf::from(draft);
    // `create_new` follows no link.
    let file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = write(file, body).and_then(|value| Ok((value, publish(&draft, path)?)));
    // The name of the draft is needed no more; the first error is the one to report.
    drop(fs::remove_file(&draft));
    written.map(|(value, ())| value)
}

fn write<T>(
    file: File,
    body: impl FnOnce(&mut BufWriter<File>) -> Result<T, BackupError>,
) -> Result<T, BackupError> {
    let mut file = BufWriter::with_capacity(256 * 1024, file);
    let value = body(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    Ok(value)
}

fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        // Some file systems have no hard links.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            refuse_existing(path)?;
            fs::rename(draft, path)?;
        }
        linked => linked?,
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Fails if there is anything of this name, be it a link without a target.
fn refuse_existing(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The failure of a command that reads or writes this file.
pub(crate) fn failure(path: &Path, error: &BackupError) -> Failure {
    let remedy = match error {
        BackupError::Store(_) => "run `portcullis doctor` to find the cause",
        BackupError::File(error) if error.kind() == ErrorKind::AlreadyExists => {
            "an existing file is never replaced; name a new file"
        }
        BackupError::File(_) => "name another file, or free space",
        BackupError::InProgress => "wait for its end",
        BackupError::NotABackup | BackupError::Damaged(_) | BackupError::Invalid(_) => {
            "nothing was changed; use another backup"
        }
        BackupError::NewerFormat => "nothing was changed; use the version that made the backup",
        BackupError::NeedsKey(_) => "use --key-file or --passphrase-stdin",
        BackupError::NotEncrypted => "if you trust the file nevertheless, leave the key out",
        BackupError::AnotherKey => "nothing was changed; use the key of this backup",
        BackupError::Passphrase(_) => "free memory, and try again",
    };
    Failure::failed(format!("{}: {error}", path.display()), remedy)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_appears_complete_and_private_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let write = |path: &Path| create(path, |to| Ok(to.write_all(b"all")?));
        write(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"all");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write(&path).is_err(), "it exists");
        let link = folder.path().join("link");
        symlink(folder.path().join("nowhere"), &link).unwrap();
        assert!(write(&link).is_err(), "a link is in the way");
        let failed = create(&folder.path().join("other"), |to| {
            to.write_all(b"half")?;
            Err::<(), _>(BackupError::InProgress)
        });
        assert!(failed.is_err());
        // Another program was faster.
        let raced = folder.path().join("raced");
        let late = create(&raced, |_| Ok(fs::write(&raced, "first")?));
        assert!(late.is_err());
        assert_eq!(fs::read(&raced).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no draft is left");
    }
}
