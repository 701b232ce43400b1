//! The settings that every guard has, whether it follows a server or not.

use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Matrix;
use portcullis_domain::Clock;

/// What the builder settles and nothing changes.
pub(crate) struct Parts {
    pub(crate) matrix: Option<Matrix>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) when_stale: WhenStale,
    pub(crate) stale_after: Duration,
}

/// What a guard does with good tokens while it does not know which have been revoked of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenStale {
    /// Refuses them with 503: nothing revoked gets in, and nobody else either.
    Refuse,
    /// Accepts them: the service goes on, and what was revoked since gets in until it expires.
    Accept,
}
