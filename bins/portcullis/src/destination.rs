//! The output of a command: standard output, or a file that appears only when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The buffer size, large enough to avoid a system call for every line.
const BUFFER: usize = 256 * 1024;

/// Writes to standard output or to a file. The file is accessible to its owner only, and replaces an
/// existing file only when it is complete and on the disk.
pub(crate) fn write<T, E: From<io::Error>>(
    path: Option<&Path>,
    body: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    let Some(path) = path else {
        let mut output = BufWriter::with_capacity(BUFFER, io::stdout().lock());
        let value = body(&mut output)?;
        output.flush()?;
        return Ok(value);
    };
    // A pipe or a device must not be replaced.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return into(File::options().write(true).open(path)?, body).map(|(value, _)| value);
    }
    let draft = draft_of(path);
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    let written = into(file, body).and_then(|(value, file)| {
        file.sync_all()?;
        fs::rename(&draft, path)?;
        Ok(value)
    });
    if written.is_err() {
        // An incomplete file is removed; the first error is the one to report.
        drop(fs::remove_file(&draft));
    }
    written
}

fn into<T, E: From<io::Error>>(
    file: File,
    body: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<(T, File), E> {
    let mut file = BufWriter::with_capacity(BUFFER, file);
    let value = body(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((value, file))
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_when_it_is_complete_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("export");
        write(Some(&path), |to| to.write_all(b"old")).unwrap();
        let failed: io::Result<()> = write(Some(&path), |to| {
            to.write_all(b"half")?;
            Err(io::Error::other("the rest is missing"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write(Some(&path), |to| to.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_device_stays_a_device() {
        let null = Path::new("/dev/null");
        write(Some(null), |to| to.write_all(b"nothing")).unwrap();
        assert!(!fs::metadata(null).unwrap().is_file());
    }
}
