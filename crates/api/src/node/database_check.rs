//! Check of the database for the health routes, shared between all requests.

use std::fmt;
use std::sync::Arc;

use portcullis_domain::{Clock, Timestamp};
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::node::health::{Health, HealthError};
use portcullis_web::{Problem, SharedAnswer, blocking};

/// The check of the database for the health routes of a node. The routes have no limit, so their
/// requests share a check.
pub struct DatabaseCheck {
    health: Arc<Health>,
    state: SharedAnswer<DatabaseState>,
    checkpoint: SharedAnswer<Option<LatestCheckpoint>>,
}

/// Number and time of the latest checkpoint of the audit log.
pub(crate) type LatestCheckpoint = (u64, Timestamp);

/// The result of a check.
#[derive(Clone)]
pub(crate) struct DatabaseState {
    /// True if the database responds.
    pub(crate) is_reachable: bool,
    /// The fault; `None` if the database responds and takes writes.
    pub(crate) problem: Option<Problem>,
}

impl DatabaseCheck {
    /// The check of this node.
    pub fn new(health: Arc<Health>, clock: Arc<dyn Clock>) -> Self {
        let checkpoint = SharedAnswer::new(Arc::clone(&clock));
        Self { health, state: SharedAnswer::new(clock), checkpoint }
    }

    /// The state of the database.
    pub(crate) async fn state(&self) -> DatabaseState {
        let health = Arc::clone(&self.health);
        let state = self.state.get(|| checked(health)).await;
        state
            .unwrap_or_else(|problem| DatabaseState { is_reachable: false, problem: Some(problem) })
    }

    /// The latest checkpoint; `None` if there is none or the database does not answer.
    pub(crate) async fn checkpoint(
        &self,
        checkpoints: &Arc<Checkpoints>,
    ) -> Option<LatestCheckpoint> {
        let checkpoints = Arc::clone(checkpoints);
        let query = || async move {
            let latest = blocking(move || checkpoints.find(None)).await.ok().flatten();
            latest.map(|latest| (latest.number(), latest.at()))
        };
        self.checkpoint.get(query).await.ok().flatten()
    }
}

async fn checked(health: Arc<Health>) -> DatabaseState {
    match blocking(move || Ok::<_, HealthError>(health.check())).await {
        Ok(outcome) => DatabaseState {
            is_reachable: !matches!(outcome, Err(HealthError::Unreachable(_))),
            problem: outcome.err().map(Problem::from),
        },
        // A database that does not answer in time is one that does not answer.
        Err(problem) => DatabaseState { is_reachable: false, problem: Some(problem) },
    }
}

impl fmt::Debug for DatabaseCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseCheck").finish_non_exhaustive()
    }
}
