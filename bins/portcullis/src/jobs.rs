//! The list of background jobs. `docs/retention.md` lists them for operators, with the rows that each one
//! deletes.
//!
//! An exclusive job works on the database, and one node runs it for all. Every other job works on the
//! memory and the connections of its node, and each node runs it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_api::Feed;
use portcullis_flows::StoreError;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::audit::sign_in_statistics::SignInStatisticsStore;
use portcullis_flows::machine::api_key::ApiKeyUses;
use portcullis_flows::node::ban::Bans;
use portcullis_flows::node::clock_watch::ClockWatch;
use portcullis_flows::node::health::Health;
use portcullis_flows::node::job::{BatchResult, Job, JobError};
use portcullis_flows::node::outbox::{MailDelivery, OutboxWatch};
use portcullis_flows::node::retention::RetentionStore;
use portcullis_flows::node::revocation::Revocations;
use portcullis_flows::node::signing_key::KeyRing;
use portcullis_flows::sign_in::hash_cost::HashCosts;
use portcullis_web::RateLimits;

use crate::checkpoint_files::CheckpointFiles;
use crate::config::Config;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use crate::heap::Heap;
use crate::operator::{local_origin, operator};

/// The exclusive jobs: one node runs them for all.
pub(crate) fn exclusive(
    store: &Arc<impl RetentionStore + SignInStatisticsStore + 'static>,
    checkpoints: &Arc<Checkpoints>,
    config: &Config,
) -> Vec<Job> {
    let retention = config.retention;
    let forget_bans_after = config.bans.policy.forget_after;
    let mut jobs = vec![
        make_checkpoints(checkpoints, config.audit.checkpoint_every),
        count_sign_ins(store),
        removal("sessions", store, move |store| store.remove_sessions(retention.sessions, ROWS)),
        removal("sign_in_failures", store, move |store| {
            store.remove_failures(retention.failures, ROWS)
        }),
        removal("outbox", store, move |store| store.remove_messages(retention.messages, ROWS)),
        removal("delivered_mails", store, move |store| {
            store.remove_delivered_messages(retention.delivered_messages, ROWS)
        }),
        removal("mail_secrets", store, move |store| {
            store.remove_mail_secrets(retention.expired, ROWS)
        }),
        removal("former_emails", store, move |store| {
            store.remove_former_emails(retention.former_emails, ROWS)
        }),
        removal("network_failures", store, move |store| {
            store.remove_network_failures(retention.expired, ROWS)
        }),
        removal("devices", store, move |store| store.remove_devices(retention.devices, ROWS)),
        removal("api_keys", store, move |store| store.remove_api_keys(retention.api_keys, ROWS)),
        removal("pending_registrations", store, move |store| {
            store.remove_pending_registrations(retention.expired, ROWS)
        }),
        removal("invitations", store, move |store| {
            store.remove_invitations(retention.expired, ROWS)
        }),
        removal("email_changes", store, move |store| {
            store.remove_email_changes(retention.expired, ROWS)
        }),
        removal("mail_allowances", store, move |store| {
            store.remove_mail_allowances(retention.expired, ROWS)
        }),
        removal("challenges", store, move |store| store.remove_challenges(retention.expired, ROWS)),
        removal("former_bans", store, move |store| store.remove_bans(forget_bans_after, ROWS)),
    ];
    jobs.extend(config.audit.retention.map(|keep| purge_audit_trail(checkpoints, keep)));
    jobs
}

fn make_checkpoints(checkpoints: &Arc<Checkpoints>, every: Duration) -> Job {
    let checkpoints = Arc::clone(checkpoints);
    let run = move || {
        // The command line makes checkpoints too; one younger than half a period is enough.
        let made = checkpoints.make(every / 2)?;
        Ok(BatchResult { done: u64::from(made.is_some()), more: false })
    };
    Job { name: "checkpoints", every, exclusive: true, run: Box::new(run) }
}

/// Counts new sign-ins of the audit log for its statistics.
fn count_sign_ins(store: &Arc<impl SignInStatisticsStore + 'static>) -> Job {
    let store = Arc::clone(store);
    let run = move || Ok(store.count_sign_ins(ROWS)?);
    Job { name: "sign_in_counts", every: 10 * SECOND, exclusive: true, run: Box::new(run) }
}

fn purge_audit_trail(checkpoints: &Arc<Checkpoints>, keep: Duration) -> Job {
    let checkpoints = Arc::clone(checkpoints);
    let run = move || {
        let purged = checkpoints.purge(keep, ROWS, &local_origin("retention"))?;
        Ok(BatchResult { done: u64::from(purged.is_some()), more: false })
    };
    Job { name: "audit_retention", every: 60 * MINUTE, exclusive: true, run: Box::new(run) }
}

/// A job that deletes expired rows in batches until none is left.
fn removal<S: RetentionStore + 'static>(
    name: &'static str,
    store: &Arc<S>,
    remove: impl Fn(&S) -> Result<u64, StoreError> + Send + Sync + 'static,
) -> Job {
    let store = Arc::clone(store);
    let run = move || Ok(remove(&store).map(BatchResult::removed)?);
    Job { name, every: 10 * MINUTE, exclusive: true, run: Box::new(run) }
}

/// Reloads the access matrix in force, often enough that an activation reaches a node within a second.
pub(crate) fn follow_matrix(matrices: &Arc<Matrices>) -> Job {
    let matrices = Arc::clone(matrices);
    of_node("access_matrix", QUARTER, move || Ok(matrices.follow()?))
}

/// Reloads the signing keys. A new key signs two seconds after it was made at the earliest, so every node
/// has loaded it before.
pub(crate) fn follow_keys(keys: &Arc<KeyRing>) -> Job {
    let keys = Arc::clone(keys);
    of_node("signing_keys", QUARTER, move || Ok(keys.follow(&operator("keys"))?))
}

/// Checks that the database answers and accepts writes, so that readiness is known before a request.
pub(crate) fn check_database(health: &Arc<Health>) -> Job {
    let health = Arc::clone(health);
    of_node("database_health", 2 * SECOND, move || Ok(health.check()?))
}

/// Compares the clock of the node with that of the database.
pub(crate) fn compare_clocks(watch: &Arc<ClockWatch>) -> Job {
    let watch = Arc::clone(watch);
    of_node("clock_offset", 2 * SECOND, move || watch.compare().map(drop).map_err(JobError::from))
}

/// Sends services the number up to which this node knows the revocations.
pub(crate) fn send_heartbeats(feed: &Arc<Feed>, revocations: &Arc<Revocations>) -> Job {
    let (feed, revocations) = (Arc::clone(feed), Arc::clone(revocations));
    of_node("revocation_heartbeat", SECOND, move || {
        feed.beat(revocations.feed_state());
        Ok(())
    })
}

/// Deletes the revocations that no valid token needs, from memory and from the database.
pub(crate) fn forget_revocations(revocations: &Arc<Revocations>) -> Job {
    let revocations = Arc::clone(revocations);
    of_node("revocations", MINUTE, move || Ok(revocations.purge()?))
}

/// Reloads the costs of the stored hashes, which change when hashes are replaced at sign-in.
pub(crate) fn count_hash_costs(costs: &Arc<HashCosts>) -> Job {
    let costs = Arc::clone(costs);
    of_node("hash_costs", MINUTE, move || Ok(costs.follow()?))
}

/// Removes the expired windows of rate limits from memory.
pub(crate) fn sweep_rate_limits(limits: &Arc<RateLimits>) -> Job {
    let limits = Arc::clone(limits);
    of_node("rate_limits", 10 * SECOND, move || {
        limits.sweep();
        Ok(())
    })
}

/// Releases freed memory, which glibc would keep.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn release_memory() -> [Job; 1] {
    let heap = Heap::new();
    [of_node("memory", 10 * SECOND, move || heap.release_freed().map_err(JobError::from))]
}

/// Other allocators release memory by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn release_memory() -> [Job; 0] {
    []
}

/// Writes the new bans of the node, also those of an outage of the database, and reads those of all nodes.
pub(crate) fn synchronize_bans(bans: &Arc<Bans>) -> Job {
    let bans = Arc::clone(bans);
    of_node("bans", SECOND, move || Ok(bans.synchronize()?))
}

/// Delivers the mails that are due. Every node does so, and a lease decides which node sends a mail.
pub(crate) fn deliver_mails(delivery: &Arc<MailDelivery>) -> Job {
    let delivery = Arc::clone(delivery);
    let run = move || Ok(delivery.deliver()?);
    Job { name: "mail", every: SECOND, exclusive: false, run: Box::new(run) }
}

/// Reads the state of the outbox for the metrics.
pub(crate) fn follow_outbox(outbox: &Arc<OutboxWatch>) -> Job {
    let outbox = Arc::clone(outbox);
    of_node("outbox_state", 10 * SECOND, move || Ok(outbox.follow()?))
}

/// Writes the uses of API keys to the audit log.
pub(crate) fn record_key_uses(uses: &Arc<ApiKeyUses>) -> Job {
    let uses = Arc::clone(uses);
    of_node("api_key_uses", MINUTE, move || Ok(uses.write().map(drop)?))
}

/// Writes each new checkpoint to a file, if a directory is configured.
pub(crate) fn checkpoint_files(config: &Config, checkpoints: &Arc<Checkpoints>) -> Option<Job> {
    let directory = config.audit.checkpoint_directory.clone()?;
    let files = Mutex::new(CheckpointFiles::new(checkpoints.clone(), directory));
    Some(of_node("checkpoint_files", SECOND, move || {
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(files.write_new()?)
    }))
}

fn of_node(
    name: &'static str,
    every: Duration,
    work: impl Fn() -> Result<(), JobError> + Send + Sync + 'static,
) -> Job {
    let run = move || work().map(|()| BatchResult::default());
    Job { name, every, exclusive: false, run: Box::new(run) }
}

const QUARTER: Duration = Duration::from_millis(250);

const SECOND: Duration = Duration::from_secs(1);

const MINUTE: Duration = Duration::from_secs(60);

/// Rows deleted in one transaction.
const ROWS: u32 = 1_000;
