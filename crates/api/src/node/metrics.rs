//! `GET /metrics`: metrics in the text format of Prometheus (version 0.0.4).

mod process;
mod registration;
mod route;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::identity::breach_check::BreachChecks;
use portcullis_flows::node::ban::Bans;
use portcullis_flows::node::clock_watch::ClockWatch;
use portcullis_flows::node::database_pool::DatabasePools;
use portcullis_flows::node::job::{JobState, Jobs};
use portcullis_flows::node::outbox::{MailDelivery, OutboxWatch};
use portcullis_flows::node::revocation::Revocations;
use portcullis_flows::node::signing_key::KeyRing;
use portcullis_flows::sign_in::outcome::SignInOutcomes;
use portcullis_password::HashingPool;
use portcullis_redis::RedisLimiter;
use portcullis_web::{
    Body, Code, Guard, Lifecycle, Limit, Limits, Method, RateLimits, Route, Settings,
};
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use self::registration::{counter, gauge};
use crate::machine::feed::Feed;
use crate::node::csp_report::CspViolations;

/// The parts of a node that have metrics.
pub struct MetricSources {
    /// Permission checks, and the queue of those that are recorded.
    pub decisions: Arc<Decisions>,
    /// The active access matrix.
    pub matrices: Arc<Matrices>,
    /// The queue of password hashing.
    pub hashing: Arc<HashingPool>,
    /// The lists of breached passwords.
    pub breaches: Arc<BreachChecks>,
    /// The revocations that this node knows.
    pub revocations: Arc<Revocations>,
    /// The services that follow them.
    pub feed: Arc<Feed>,
    /// The clock offset.
    pub clock_watch: Arc<ClockWatch>,
    /// The rate limits.
    pub rate_limits: Arc<RateLimits>,
    /// The limiter that the nodes share.
    pub shared_limiter: Option<Arc<RedisLimiter>>,
    /// The bans.
    pub bans: Arc<Bans>,
    /// The state of the outbox.
    pub outbox: Arc<OutboxWatch>,
    /// The delivery of mails; `None` if they wait for a mail server.
    pub mail_delivery: Option<Arc<MailDelivery>>,
    /// The background jobs.
    pub jobs: Arc<Jobs>,
    /// The alarms of the audit log.
    pub checkpoints: Arc<Checkpoints>,
    /// The violations that browsers report.
    pub csp_violations: Arc<CspViolations>,
    /// The outcomes of sign-ins.
    pub sign_ins: Arc<SignInOutcomes>,
    /// The connection pools of the database.
    pub pools: Arc<dyn DatabasePools>,
}

pub(crate) const EXPOSE: Route = Route {
    method: Method::Get,
    path: "/metrics",
    guard: Guard::LOCAL,
    limit: Limit::exempt("only operators and monitors reach it"),
    body: Body::None,
    errors: &[Code::NotFound],
};

/// Returns the metrics of this node.
pub(crate) async fn expose(
    sources: web::Data<MetricSources>,
    settings: web::Data<Settings>,
    lifecycle: web::Data<Lifecycle>,
    limits: web::Data<Limits>,
    keys: web::Data<KeyRing>,
) -> HttpResponse {
    let mut text = String::with_capacity(16 * 1024);
    let mut process = Registry::default();
    process::register(&mut process, keys.started_at());
    for registry in [registry(&sources, &settings, &lifecycle, &limits), process] {
        // Writing to memory does not fail.
        let _ = encode(&mut text, &registry);
    }
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(text)
}

/// The present metrics of this node. Names of counters get `_total` when they are encoded.
fn registry(
    node: &MetricSources,
    settings: &Settings,
    lifecycle: &Lifecycle,
    limits: &Limits,
) -> Registry {
    let mut registry = Registry::with_prefix("portcullis");
    let version = Family::<[(&str, &str); 1], Gauge>::default();
    version.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("build_info", "1, with the version of the server", version);
    recording(&mut registry, node);
    sign_ins(&mut registry, &node.sign_ins);
    pools(&mut registry, &*node.pools);
    let matrix = node.matrices.active().load();
    gauge(&mut registry, "matrix_version", "Version of the access matrix in force", matrix.version);
    gauge(
        &mut registry,
        "matrix_revision",
        "Number of activations of the access matrix",
        matrix.revision,
    );
    let hashing = &node.hashing;
    let about = "Passwords that wait to be hashed";
    gauge(&mut registry, "hashing_queue_depth", about, hashing.waiting());
    let about = "Requests refused since the start because the hashing queue was full";
    counter(&mut registry, "hashing_refused", about, hashing.refused());
    let about = "New passwords refused since the start because a list of breached ones has them";
    counter(&mut registry, "breached_passwords", about, node.breaches.listed());
    let about = "New passwords accepted since the start although a list did not answer";
    counter(&mut registry, "unchecked_passwords", about, node.breaches.unknown());
    revocations(&mut registry, node);
    let offset = node.clock_watch.offset().as_seconds();
    let about = "Offset of the clock of this node from the clock of the database";
    gauge(&mut registry, "clock_offset_seconds", about, offset);
    let lost = settings.log_lines_lost.load(Ordering::Relaxed);
    let about = "Log lines that could not be written since the start";
    counter(&mut registry, "log_lines_lost", about, lost);
    let open = u64::try_from(lifecycle.connections()).unwrap_or(u64::MAX);
    gauge(&mut registry, "connections", "Open connections", open);
    let about = "Connections closed at once since the start because a limit was reached";
    counter(&mut registry, "connections_refused", about, lifecycle.refused_connections());
    route::register(&mut registry, limits.metrics());
    requests(&mut registry, limits);
    certificate(&mut registry, settings);
    rate_limits(&mut registry, node);
    bans(&mut registry, &node.bans);
    csp_violations(&mut registry, &node.csp_violations);
    mails(&mut registry, node);
    jobs(&mut registry, &node.jobs.states());
    registry
}

fn sign_ins(registry: &mut Registry, outcomes: &SignInOutcomes) {
    let counts = Family::<[(&str, &str); 2], Counter>::default();
    for (outcome, factor, count) in outcomes.counts() {
        counts.get_or_create(&[("outcome", outcome), ("factor", factor.as_str())]).inc_by(count);
    }
    let about =
        "Sign-ins on this node since the start, by outcome and by the factor that decided it";
    registry.register("sign_ins", about, counts);
}

fn pools(registry: &mut Registry, pools: &dyn DatabasePools) {
    let [max, open, idle] = [(); 3].map(|()| Family::<[(&str, &str); 1], Gauge>::default());
    for state in pools.pools() {
        let pool = [("pool", state.name)];
        max.get_or_create(&pool).set(state.max.into());
        open.get_or_create(&pool).set(state.open.into());
        idle.get_or_create(&pool).set(state.idle.into());
    }
    let about = "Maximum number of connections to the database, by pool";
    registry.register("database_connections_max", about, max);
    registry.register("database_connections", "Open connections to the database, by pool", open);
    let about = "Open connections to the database that are not in use, by pool";
    registry.register("database_connections_idle", about, idle);
    let about = "Waits for a connection to the database since the start that ended without one";
    counter(registry, "database_waits_failed", about, pools.failed_waits());
}

fn requests(registry: &mut Registry, limits: &Limits) {
    let under_way = u64::try_from(limits.requests_under_way()).unwrap_or(u64::MAX);
    gauge(registry, "requests_under_way", "Requests under way", under_way);
    let awaited = u64::try_from(limits.awaited_bodies()).unwrap_or(u64::MAX);
    gauge(registry, "awaited_bodies", "Requests that wait for their bodies", awaited);
    let about = "Requests refused since the start because too many waited for their bodies";
    counter(registry, "awaited_bodies_ended", about, limits.ended_bodies());
    let refused = Family::<[(&str, &str); 1], Counter>::default();
    for (priority, count) in limits.refused_requests() {
        refused.get_or_create(&[("priority", priority.name())]).inc_by(count);
    }
    let about = "Requests refused since the start because too many were under way, by priority";
    registry.register("requests_refused", about, refused);
}

/// Nothing without TLS.
fn certificate(registry: &mut Registry, settings: &Settings) {
    let Some(tls) = &settings.tls else { return };
    let about = "End of the validity of the TLS certificate in use, in seconds since 1970";
    let expires = tls.expires().as_seconds();
    gauge(registry, "tls_certificate_expires_seconds", about, expires);
    let failures = Family::<[(&str, &str); 1], Counter>::default();
    for (reason, count) in tls.handshake_failures() {
        failures.get_or_create(&[("reason", reason)]).inc_by(count);
    }
    let about = "Failed TLS handshakes since the start, by reason";
    registry.register("tls_handshake_failures", about, failures);
}

fn rate_limits(registry: &mut Registry, node: &MetricSources) {
    let limits = &node.rate_limits;
    let refused = Family::<[(&str, &str); 1], Counter>::default();
    for (name, count) in limits.refused() {
        refused.get_or_create(&[("limit", name)]).inc_by(count);
    }
    registry.register("rate_limit_refused", "Requests refused since the start, by limit", refused);
    let local = limits.limiter().local();
    let about = "Windows of rate limits in the memory of this node";
    gauge(registry, "rate_limit_windows", about, u64::try_from(local.len()).unwrap_or(u64::MAX));
    let about = "Memory of these windows";
    gauge(registry, "rate_limit_bytes", about, u64::try_from(local.bytes()).unwrap_or(u64::MAX));
    let about = "Windows removed before their end because the memory was full";
    counter(registry, "rate_limit_evicted", about, local.evicted());
    if let Some(is_shared) = limits.is_shared() {
        let about = "1 if the limits of routes are shared by Redis, 0 if each node counts alone";
        gauge(registry, "rate_limit_shared", about, u32::from(is_shared));
    }
    if let Some(shared) = &node.shared_limiter {
        let failures = Family::<[(&str, &str); 1], Counter>::default();
        for (reason, count) in shared.failures() {
            failures.get_or_create(&[("reason", reason.name())]).inc_by(count);
        }
        let about = "Calls of the shared limiter that failed since the start, by reason";
        registry.register("rate_limit_shared_failures", about, failures);
    }
}

fn bans(registry: &mut Registry, bans: &Bans) {
    let active = u64::try_from(bans.active()).unwrap_or(u64::MAX);
    gauge(registry, "bans_active", "Bans of client addresses in force", active);
    let about = "Bans since the start by offences of clients of this node";
    counter(registry, "bans_started", about, bans.started());
    let about = "Requests of banned clients refused since the start";
    counter(registry, "ban_refused", about, bans.refused());
}

fn csp_violations(registry: &mut Registry, violations: &CspViolations) {
    let reported = Family::<[(&str, &str); 1], Counter>::default();
    for (directive, count) in violations.counts() {
        reported.get_or_create(&[("directive", directive)]).inc_by(count);
    }
    let about =
        "Violations of the content policy that browsers reported since the start, by directive";
    registry.register("csp_violations", about, reported);
}

fn mails(registry: &mut Registry, node: &MetricSources) {
    let state = node.outbox.state();
    gauge(
        registry,
        "outbox_waiting",
        "Mails of all nodes that wait to be delivered",
        state.waiting,
    );
    let about = "Age of the oldest mail that waits";
    gauge(registry, "outbox_age_seconds", about, state.oldest.as_secs_f64());
    gauge(registry, "outbox_dead_letters", "Mails that are not attempted any more", state.dead);
    let counts = node.mail_delivery.as_ref().map(|delivery| delivery.counts()).unwrap_or_default();
    let about = "Mails that the mail server accepted from this node since the start";
    counter(registry, "mails_delivered", about, counts.delivered);
    let about = "Attempts of this node to deliver a mail that failed since the start";
    counter(registry, "mail_attempts_failed", about, counts.failed);
    let about = "Mails that became dead letters on this node since the start";
    counter(registry, "mails_dead", about, counts.dead);
}

fn recording(registry: &mut Registry, node: &MetricSources) {
    let recording = node.decisions.recorder().state();
    let about = "Permission checks that wait to be recorded";
    gauge(registry, "audit_queue_depth", about, recording.waiting);
    let lag = recording.lag.as_secs_f64();
    gauge(
        registry,
        "audit_queue_lag_seconds",
        "Age of the oldest permission check in the queue",
        lag,
    );
    gauge(registry, "audit_queue_bytes", "Memory of the queue", recording.waiting_bytes);
    let about =
        "Time without a write while the queue is not empty; from 5 on the node is not ready";
    gauge(registry, "audit_stalled_seconds", about, recording.stalled.as_secs_f64());
    let about = "Requests refused because the queue, or the share of the caller, was full";
    counter(registry, "audit_refused", about, recording.refused);
    let about = "Permission checks whose content the database refused; each is a security event";
    counter(registry, "audit_quarantined", about, recording.quarantined);
    let about = "Permission checks recorded since the start";
    counter(registry, "audit_recorded", about, recording.recorded);
    let about = "Writes that failed and were retried";
    counter(registry, "audit_write_failures", about, recording.failures);
    let about = "Permission checks answered and not recorded: always 0";
    counter(registry, "audit_dropped", about, 0_u64);
    let about = "Alarms about the audit log since the start";
    counter(registry, "audit_alarms", about, node.checkpoints.alarms());
}

fn revocations(registry: &mut Registry, node: &MetricSources) {
    let revocations = &node.revocations;
    gauge(registry, "revocations", "Revocations in force", revocations.set().len());
    let about = "Time since the latest read of the revocations from the database";
    let staleness = revocations.staleness().as_secs_f64();
    gauge(registry, "revocations_staleness_seconds", about, staleness);
    let about = "Services connected to the revocation feed of this node";
    gauge(registry, "revocation_followers", about, node.feed.buffer.followers());
    if let Some(is_up) = node.feed.is_signal_up() {
        let about = "1 if Redis delivers wake signals between nodes, otherwise 0";
        gauge(registry, "redis_up", about, u32::from(is_up));
    }
}

/// The metrics of each job on this node; the database holds those of all nodes, and `doctor` shows
/// them.
fn jobs(registry: &mut Registry, states: &[JobState]) {
    let [runs, failures, done] = [(); 3].map(|()| Family::<[(&str, &str); 1], Counter>::default());
    let last_run = Family::<[(&str, &str); 1], Gauge>::default();
    let duration = Family::<[(&str, &str); 1], Gauge<f64, AtomicU64>>::default();
    for state in states {
        let job = [("job", state.name)];
        runs.get_or_create(&job).inc_by(state.runs);
        failures.get_or_create(&job).inc_by(state.failures);
        done.get_or_create(&job).inc_by(state.done);
        last_run.get_or_create(&job).set(state.last_run_seconds);
        duration.get_or_create(&job).set(state.duration.as_secs_f64());
    }
    registry.register("job_runs", "Runs on this node since the start, failed or not", runs);
    registry.register("job_failures", "Failed runs on this node since the start", failures);
    registry.register("job_done", "Processed items, for most jobs deleted rows", done);
    let about = "Time of the latest run, in seconds since 1970; 0 before the first";
    registry.register("job_last_run_timestamp_seconds", about, last_run);
    registry.register("job_last_duration_seconds", "Duration of the latest run", duration);
}
