//! Checks that the data directory is writable and closed to other users.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::check::Check;
use crate::config::LoadedConfig;

const NAME: &str = "data directory";

pub(super) fn check(loaded: &LoadedConfig) -> Check {
    let Some(config) = loaded.partly(&["data_dir"]) else {
        return Check::skipped_for_faults(NAME);
    };
    let path = config.data_dir.as_path();
    let shown = path.display();
    if !path.exists() {
        return Check::ok(NAME, format!("{shown} does not exist yet; the first start creates it"));
    }
    if let Err(error) = try_writing(path) {
        let remedy = format!("make the user of the server its owner: chown <user> {shown}");
        return Check::failed(NAME, format!("{shown} cannot be written to: {error}"), remedy);
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            let detail = format!("{shown} is open to other users of this machine");
            Check::failed(NAME, detail, format!("chmod 700 {shown}"))
        }
        _ => Check::ok(NAME, format!("{shown} is writable and private")),
    }
}

/// Writes a file and removes it again.
pub(super) fn try_writing(directory: &Path) -> io::Result<()> {
    let probe = directory.join(format!(".doctor-{}", std::process::id()));
    File::create_new(&probe).and_then(|_| fs::remove_file(&probe))
}
