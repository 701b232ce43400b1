//! The data directory: embedded database and generated secret key, accessible to this user only.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Read, write and enter for the owner, nothing for other users.
const OWNER_ONLY_MODE: u32 = 0o700;

/// Creates the directory and its parents if they are missing.
pub(crate) fn ensure(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(OWNER_ONLY_MODE).create(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_directory_is_private_and_an_old_one_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        ensure(&path).unwrap();
        ensure(&path).unwrap();
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
