//! Settings of a guard that follows a server.

use std::time::Duration;

use super::authority::Credential;

/// The settings that only a guard with a connection to the server needs.
pub(crate) struct Settings {
    pub(super) address: Option<String>,
    pub(super) credential: Option<Credential>,
    pub(super) plaintext: bool,
    pub(super) silence: Duration,
    pub(super) api_keys: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: None,
            credential: None,
            plaintext: false,
            silence: HEARTBEAT_TIMEOUT,
            api_keys: false,
        }
    }
}

const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);
