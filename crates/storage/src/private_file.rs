//! File modes of a SQLite database: only the owner may read or write its files.
//!
//! The files contain addresses, password hashes and sealed keys. SQLite creates a file with the
//! mode that the umask allows, and gives its `-wal`, `-shm` and `-journal` files the mode of the
//! database. So this module creates the file before SQLite opens it, and no connection may create
//! one.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::database_url::DatabaseUrl;

/// Read and write for the owner, no access for others.
const OWNER_ONLY_MODE: u32 = 0o600;

/// The mode bits that give access to other users.
const GROUP_AND_OTHER_BITS: u32 = 0o077;

/// The suffixes of the files that SQLite creates beside the database.
pub(crate) const SIDECAR_SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

impl DatabaseUrl {
    /// Returns the files that other users of this machine can open; none for a server.
    pub fn exposed_files(&self) -> io::Result<Vec<PathBuf>> {
        let Self::Sqlite(path) = self else { return Ok(Vec::new()) };
        let mut exposed = Vec::new();
        for file in files(path)? {
            match fs::metadata(&file) {
                Ok(found) if found.permissions().mode() & GROUP_AND_OTHER_BITS != 0 => {
                    exposed.push(file);
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(exposed)
    }

    /// Creates the file if it is missing, and removes the access of other users from existing
    /// files. Returns the files that were accessible.
    pub fn make_private(&self) -> io::Result<Vec<PathBuf>> {
        let Self::Sqlite(path) = self else { return Ok(Vec::new()) };
        create(path)?;
        let exposed = self.exposed_files()?;
        for file in &exposed {
            // By name: opening and closing a file that this process has open would release its
            // locks.
            match fs::set_permissions(file, Permissions::from_mode(OWNER_ONLY_MODE)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(exposed)
    }
}

/// Creates the file unless it exists.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(OWNER_ONLY_MODE).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Returns the database file and the files beside it, existing or not. SQLite follows links first.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let path = match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    let companion = |suffix: &str| {
        let mut name = OsString::from(&path);
        name.push(suffix);
        PathBuf::from(name)
    };
    Ok(std::iter::once(path.clone()).chain(SIDECAR_SUFFIXES.map(companion)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_is_private_and_open_ones_are_closed_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let url = DatabaseUrl::Sqlite(path.clone());
        assert_eq!(url.exposed_files().unwrap(), [""; 0].map(PathBuf::from), "there is none");
        assert!(url.make_private().unwrap().is_empty());
        assert_eq!(mode(&path), 0o600);

        let log = folder.path().join("portcullis.db-wal");
        fs::write(&log, "").unwrap();
        for (file, open) in [(&path, 0o644), (&log, 0o640)] {
            fs::set_permissions(file, Permissions::from_mode(open)).unwrap();
        }
        let both = [path.canonicalize().unwrap(), log.canonicalize().unwrap()];
        assert_eq!(url.exposed_files().unwrap(), both);
        assert_eq!(mode(&path), 0o644, "to look changes nothing");
        assert_eq!(url.make_private().unwrap(), both);
        assert_eq!([mode(&path), mode(&log)], [0o600; 2]);
        assert!(url.exposed_files().unwrap().is_empty());
    }

    #[test]
    fn the_companions_of_a_link_are_beside_the_file_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("true.db"), folder.path().join("link.db"));
        let log = folder.path().join("true.db-wal");
        create(&path).unwrap();
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, Permissions::from_mode(0o666)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let closed = DatabaseUrl::Sqlite(link).make_private().unwrap();
        assert_eq!(closed, [log.canonicalize().unwrap()]);
    }
}
