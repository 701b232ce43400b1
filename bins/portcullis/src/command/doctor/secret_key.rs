//! Checks that the secret key is strong and private.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::check::Check;
use crate::config::{LoadedConfig, Secret};
use crate::secret_file;

const NAME: &str = "secret key";

pub(super) fn check(loaded: &LoadedConfig) -> Check {
    let keys = ["tokens.secret_key", "tokens.secret_key_previous", "data_dir"];
    let Some(config) = loaded.partly(&keys) else {
        return Check::skipped_for_faults(NAME);
    };
    match &config.tokens.secret {
        Secret::Configured(_) if config.tokens.previous.is_some() => {
            Check::ok(NAME, "configured; the previous secret key is still accepted")
        }
        Secret::Configured(_) => Check::ok(NAME, "configured, long enough, and not a known sample"),
        Secret::Generated(path) => check_file(path),
    }
}

fn check_file(path: &Path) -> Check {
    let shown = path.display();
    let Ok(metadata) = fs::metadata(path) else {
        let detail = "not configured; the first start generates one on this machine";
        return Check::warning(NAME, detail, "set SECRET_KEY before you add a second node");
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        let detail = format!("{shown} can be read by other users of this machine");
        return Check::failed(NAME, detail, format!("chmod 600 {shown}"));
    }
    match secret_file::read(path) {
        Ok(_) => {
            let detail =
                format!("not configured; the generated key in {shown} is strong and private");
            Check::warning(NAME, detail, "set SECRET_KEY before you add a second node")
        }
        Err(error) => {
            let remedy = "restore it from a backup, or see `portcullis keys accept-secret --help`";
            Check::failed(NAME, format!("{shown}: {error}"), remedy)
        }
    }
}
