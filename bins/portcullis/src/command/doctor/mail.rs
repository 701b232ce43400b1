//! Checks that mails are delivered: none is a dead letter, and none waits for long.

use std::time::Duration;

use portcullis_flows::node::outbox::{OutboxState, OutboxStore};
use portcullis_storage::Store;

use super::check::Check;

pub(super) const NAME: &str = "mail";

/// The age of the oldest mail that is reported.
const LATE: Duration = Duration::from_secs(15 * 60);

pub(super) fn check(store: &Store) -> Check {
    let OutboxState { waiting, oldest, dead } = match store.outbox_state() {
        Ok(state) => state,
        Err(error) => return Check::failed(NAME, error.to_string(), "see above"),
    };
    if waiting > 0 && oldest > LATE {
        let minutes = oldest.as_secs() / 60;
        let detail = format!("{waiting} mails wait, the oldest for {minutes} minutes");
        let remedy = "run `portcullis mail test ADDRESS`, and start a server if none is running";
        return Check::warning(NAME, detail, remedy);
    }
    if dead > 0 {
        let detail = format!("{dead} mails cannot be delivered");
        let remedy = "`portcullis mail dead-letters` gives the reasons, `mail resend` retries";
        return Check::warning(NAME, detail, remedy);
    }
    Check::ok(NAME, format!("{waiting} mails wait, and there are no dead letters"))
}
