//! Opening of files that a configuration names.

use std::fs::{self, File, FileType};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Opens a regular file, or a symbolic link to one, for reading.
///
/// The type is checked first: the opening of a named pipe waits for its writer, and a device may have no
/// end.
///
/// # Errors
///
/// Those of the file; [`ErrorKind::InvalidInput`] if it is no regular file.
pub fn open_regular_file(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() {
        return File::open(path);
    }
    let problem = format!("it is {}, not a regular file", described(kind));
    Err(io::Error::new(ErrorKind::InvalidInput, problem))
}

fn described(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    fn problem(path: &Path) -> String {
        let error = open_regular_file(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        error.to_string()
    }

    #[test]
    fn a_regular_file_and_a_link_to_one_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| directory.path().join(name));
        fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            let mut text = String::new();
            open_regular_file(path).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "text");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(open_regular_file(&link).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn everything_else_is_refused_and_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let [pipe, link, socket] =
            ["pipe", "link", "socket"].map(|name| directory.path().join(name));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        symlink(&pipe, &link).unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(problem(&pipe), "it is a named pipe, not a regular file");
        assert_eq!(problem(&link), problem(&pipe));
        assert_eq!(problem(&socket), "it is a socket, not a regular file");
        assert_eq!(problem(directory.path()), "it is a directory, not a regular file");
        assert_eq!(problem(Path::new("/dev/zero")), "it is a device, not a regular file");
    }
}
