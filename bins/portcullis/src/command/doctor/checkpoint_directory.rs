//! Whether checkpoints can be put where they are wanted.

use super::check::Check;
use super::data_directory::try_writing;
use crate::config::Loaded;

const NAME: &str = "checkpoint files";

/// Nothing to say when nobody wants them.
pub(super) fn check(loaded: &Loaded) -> Option<Check> {
    let Some(config) = loaded.partly(&["audit"]) else {
        return Some(Check::skipped_for_faults(NAME));
    };
    let directory = config.audit.checkpoint_directory.as_deref()?;
    let shown = directory.display();
    Some(match try_writing(directory) {
        Ok(()) => Check::ok(NAME, format!("{shown} is writable")),
        Err(error) => {
            let remedy = "make it and give it to the user the server runs as, or change \
                          audit.checkpoint_directory";
            Check::failed(NAME, format!("{shown} cannot be written to: {error}"), remedy)
        }
    })
}
