//! The list of jobs: all work that no request asks for and that can wait a while. `docs/retention.md`
//! has it for operators, with what each of them removes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::Origin;
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::node::job::{Job, Portion};
use portcullis_flows::node::retention::{RetentionPolicy, RetentionStore};
use portcullis_flows::node::revocation::Revocations;
use portcullis_flows::sign_in::hash_cost::HashCosts;

/// What the jobs go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// How often a checkpoint is made, if anything has happened.
    pub checkpoint_every: Duration,
    /// How long entries of the audit trail are kept; `None` for ever.
    pub audit_retention: Option<Duration>,
    /// How long everything else is kept.
    pub retention: RetentionPolicy,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            checkpoint_every: MINUTE,
            audit_retention: None,
            retention: RetentionPolicy::default(),
        }
    }
}

/// All of them.
pub(crate) fn list(
    store: &Arc<impl RetentionStore + 'static>,
    checkpoints: &Arc<Checkpoints>,
    revocations: &Arc<Revocations>,
    costs: &Arc<HashCosts>,
    upkeep: Upkeep,
) -> Vec<Job> {
    let Upkeep { checkpoint_every, audit_retention, retention } = upkeep;
    let mut jobs = vec![
        make_checkpoints(checkpoints, checkpoint_every),
        forget_revocations(revocations),
        count_hash_costs(costs),
        removal("sessions", store, move |store| store.remove_sessions(retention.sessions, ROWS)),
        removal("sign_in_failures", store, move |store| {
            store.remove_failures(retention.failures, ROWS)
        }),
        removal("outbox", store, move |store| store.remove_messages(retention.messages, ROWS)),
    ];
    jobs.extend(audit_retention.map(|keep| purge_audit_trail(checkpoints, keep)));
    jobs
}

fn make_checkpoints(checkpoints: &Arc<Checkpoints>, every: Duration) -> Job {
    let checkpoints = Arc::clone(checkpoints);
    let run = move || {
        // The command line makes some too, and half a period is no time to wait.
        let made = checkpoints.make(every / 2)?;
        Ok(Portion { done: u64::from(made.is_some()), more: false })
    };
    Job { name: "checkpoints", every, exclusive: true, run: Box::new(run) }
}

/// Every node forgets for itself what it holds in memory.
fn forget_revocations(revocations: &Arc<Revocations>) -> Job {
    let revocations = Arc::clone(revocations);
    let run = move || revocations.purge().map(|()| Portion::default());
    Job { name: "revocations", every: MINUTE, exclusive: false, run: Box::new(run) }
}

/// Every node looks which costs the stored hashes have. They change as owners of old ones sign in.
fn count_hash_costs(costs: &Arc<HashCosts>) -> Job {
    let costs = Arc::clone(costs);
    let run = move || costs.follow().map(|()| Portion::default());
    Job { name: "hash_costs", every: MINUTE, exclusive: false, run: Box::new(run) }
}

fn purge_audit_trail(checkpoints: &Arc<Checkpoints>, keep: Duration) -> Job {
    let checkpoints = Arc::clone(checkpoints);
    let run = move || {
        let purged = checkpoints.purge(keep, ROWS, &own_origin("portcullis retention"))?;
        Ok(Portion { done: u64::from(purged.is_some()), more: false })
    };
    Job { name: "audit_retention", every: 60 * MINUTE, exclusive: true, run: Box::new(run) }
}

/// Removes rows in portions until there are none left.
fn removal<S: RetentionStore + 'static>(
    name: &'static str,
    store: &Arc<S>,
    remove: impl Fn(&S) -> Result<u64, portcullis_flows::StoreError> + Send + Sync + 'static,
) -> Job {
    let store = Arc::clone(store);
    let run = move || remove(&store).map(Portion::removed);
    Job { name, every: 10 * MINUTE, exclusive: true, run: Box::new(run) }
}

/// Where events come from that nobody asked for.
pub(crate) fn own_origin(work: &str) -> Origin {
    Origin {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some(work.to_owned()),
        request_id: None,
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// Rows that are removed in one transaction.
const ROWS: u32 = 1_000;
