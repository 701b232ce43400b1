//! Settings that every guard has, with and without a connection to the server.

use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Matrix;
use portcullis_domain::Clock;

/// The settings of the builder, fixed after the build.
pub(crate) struct GuardSettings {
    pub(crate) matrix: Option<Matrix>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) when_stale: WhenStale,
    pub(crate) stale_after: Duration,
}

/// The treatment of valid tokens while the revocation state is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenStale {
    /// Refuses them with 503: no revoked token is accepted, and no valid token either.
    Refuse,
    /// Accepts them: the service continues, and tokens that were revoked meanwhile are accepted
    /// until they expire.
    Accept,
}
