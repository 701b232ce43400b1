//! The file of a generated secret key, for a machine without a configured one.
//!
//! The key is written to a temporary file, which is linked into place when it is complete. So of several
//! processes that start at once one creates the key, and all of them read the same complete key.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use portcullis_domain::{SecretString, SecureRandom};
use portcullis_token::{OpaqueSecret, SecretKey, SecretKeyError};

/// The key in the file. A missing file is created first.
pub(crate) fn obtain(path: &Path, random: &dyn SecureRandom) -> Result<SecretKey, SecretFileError> {
    if !path.exists() {
        create(path, random)?;
    }
    read(path)
}

/// The key in the file.
pub(crate) fn read(path: &Path) -> Result<SecretKey, SecretFileError> {
    let text = SecretString::from(fs::read_to_string(path)?.trim_end());
    Ok(SecretKey::parse(&text)?)
}

fn create(path: &Path, random: &dyn SecureRandom) -> io::Result<()> {
    let mut name = [0; 8];
    random.fill(&mut name);
    let draft = path.with_extension(u64::from_le_bytes(name).to_string());
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = writeln!(file, "{}", OpaqueSecret::mint(random).expose())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The error of reading or creating the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileError {
    /// The file cannot be read or created.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The file was changed and has no valid key.
    #[error("the secret in it {0}")]
    Weak(#[from] SecretKeyError),
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Barrier;

    use portcullis_domain::SystemRandom;
    use portcullis_token::Purpose;

    use super::*;

    #[test]
    fn processes_that_start_at_once_end_with_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret_key");
        let barrier = Barrier::new(16);
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        obtain(&path, &SystemRandom).unwrap().derive(Purpose::Csrf)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret_key");
        let first = obtain(&path, &SystemRandom).unwrap().derive(Purpose::Csrf);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().trim_end().len(), 43);
        assert_eq!(obtain(&path, &SystemRandom).unwrap().derive(Purpose::Csrf), first);
    }

    #[test]
    fn a_file_somebody_emptied_is_refused_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret_key");
        fs::write(&path, "\n").unwrap();
        assert!(matches!(obtain(&path, &SystemRandom), Err(SecretFileError::Weak(_))));
    }
}
