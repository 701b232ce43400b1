//! Checks that the checkpoint directory is writable.

use super::check::Check;
use super::data_directory::try_writing;
use crate::config::LoadedConfig;

const NAME: &str = "checkpoint files";

/// `None` when no directory is configured.
pub(super) fn check(loaded: &LoadedConfig) -> Option<Check> {
    let Some(config) = loaded.partly(&["audit"]) else {
        return Some(Check::skipped_for_faults(NAME));
    };
    let directory = config.audit.checkpoint_directory.as_deref()?;
    let shown = directory.display();
    Some(match try_writing(directory) {
        Ok(()) => Check::ok(NAME, format!("{shown} is writable")),
        Err(error) => {
            let remedy = "create it for the user that the server runs as, or change \
                          audit.checkpoint_directory";
            Check::failed(NAME, format!("{shown} cannot be written to: {error}"), remedy)
        }
    })
}
