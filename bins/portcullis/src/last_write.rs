//! Last writes of a process, at its end. A database or a directory that hangs does not delay the end.

use std::fmt;
use std::time::Duration;

use portcullis_domain::Supervised;

use crate::failure::{Failure, no_thread};

/// The maximum wait for one write.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the write on a thread of its own, and waits for it at most a second. `what` names it for the log.
pub(crate) fn write_last<E: fmt::Display>(
    name: &'static str,
    what: &'static str,
    mut write: impl FnMut() -> Result<(), E> + Send + 'static,
) -> Result<(), Failure> {
    let thread = Supervised::once(name, move || {
        if let Err(error) = write() {
            tracing::error!(%error, "not written at the end: {what}");
        }
    });
    if !thread.map_err(no_thread)?.join(TIMEOUT) {
        tracing::error!(
            "not written at the end, because the database or the directory hangs: {what}"
        );
    }
    Ok(())
}
