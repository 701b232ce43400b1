//! `Enforcement`: the effect of revocations on the node that has committed them.

use std::sync::Arc;
use std::time::Duration;

use portcullis_token::LEEWAY;

use super::{Revocations, Revoked};

/// Makes the revocations of a transaction effective on its node.
#[derive(Clone)]
pub struct Enforcement {
    /// `None` for the command line: it accepts no token, and the servers read the database.
    revocations: Option<Arc<Revocations>>,
    access_lifetime: Duration,
}

impl Enforcement {
    /// For a server that issues access tokens with this lifetime.
    pub const fn of_server(revocations: Arc<Revocations>, access_lifetime: Duration) -> Self {
        Self { revocations: Some(revocations), access_lifetime }
    }

    /// For a command.
    pub const fn of_command(access_lifetime: Duration) -> Self {
        Self { revocations: None, access_lifetime }
    }

    /// The time for which a revoked access token must be refused.
    pub fn revoked_for(&self) -> Duration {
        self.access_lifetime + LEEWAY
    }

    /// Refuses the tokens from here on.
    pub fn enforce(&self, revoked: Revoked) {
        match &self.revocations {
            Some(revocations) => revocations.enforce(revoked),
            None => drop(revoked),
        }
    }
}
