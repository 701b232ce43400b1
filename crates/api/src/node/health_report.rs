//! `GET /health`: the state of every part of the node, for operators and monitors.

use std::sync::atomic::Ordering;

use actix_web::web::{self, Json};
use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::node::job::JobState;
use portcullis_flows::node::signing_key::KeyRing;
use portcullis_web::{Body, Code, Guard, Lifecycle, Limit, Method, Route, Settings};
use serde::Serialize;

use crate::node::database_check::DatabaseCheck;
use crate::node::metrics::MetricSources;

pub(crate) const REPORT: Route = Route {
    method: Method::Get,
    path: "/health",
    guard: Guard::LOCAL,
    limit: Limit::exempt("only operators and monitors reach it"),
    body: Body::None,
    errors: &[Code::NotFound],
};

/// The report. It contains no secret, no address and no text of a library.
#[derive(Serialize)]
pub(crate) struct Report {
    /// `ready`, `not_ready` or `stopping`, as `/health/ready` answers.
    status: &'static str,
    version: &'static str,
    /// The start of the node.
    started_at: Timestamp,
    database: Part,
    writes: Part,
    /// Absent without Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<Part>,
    recording: Recording,
    mails: Mails,
    revocations: Revocations,
    clock: Clock,
    signing_keys: SigningKeys,
    checkpoints: Checkpoints,
    jobs: Vec<Job>,
    /// Absent without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Certificate>,
    log_lines_lost: u64,
}

#[derive(Serialize)]
struct Part {
    ok: bool,
}

/// The recording of permission checks.
#[derive(Serialize)]
struct Recording {
    ok: bool,
    waiting: usize,
}

/// The outbox.
#[derive(Serialize)]
struct Mails {
    waiting: u64,
    dead_letters: u64,
}

#[derive(Serialize)]
struct Revocations {
    ok: bool,
    staleness_seconds: f64,
}

#[derive(Serialize)]
struct Clock {
    ok: bool,
    offset_seconds: f64,
}

#[derive(Serialize)]
struct SigningKeys {
    published: usize,
}

#[derive(Serialize)]
struct Checkpoints {
    /// The alarms about the audit log since the start.
    alarms: u64,
    /// The latest checkpoint; absent if there is none or the database does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest: Option<LatestCheckpoint>,
}

#[derive(Serialize)]
struct LatestCheckpoint {
    number: u64,
    age_seconds: u64,
}

/// A job on this node.
#[derive(Serialize)]
struct Job {
    name: &'static str,
    runs: u64,
    failures: u64,
    /// The age of the last run; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run_age_seconds: Option<i64>,
}

#[derive(Serialize)]
struct Certificate {
    ok: bool,
    expires: Timestamp,
}

/// Reports every part. The status is always 200: monitors read the members.
pub(crate) async fn report(
    sources: web::Data<MetricSources>,
    database: web::Data<DatabaseCheck>,
    keys: web::Data<KeyRing>,
    settings: web::Data<Settings>,
    lifecycle: web::Data<Lifecycle>,
    ambient: web::Data<Ambient>,
) -> Json<Report> {
    let checkpoint = database.checkpoint(&sources.checkpoints).await;
    let stored = database.state().await;
    let now = ambient.clock.now();
    let recording = sources.decisions.recorder().state();
    let (revocations, clock) = (&sources.revocations, &sources.clock_watch);
    let outbox = sources.outbox.state();
    let (recorded, is_off) = (!recording.is_stalled(), clock.is_off());
    let is_ready = stored.problem.is_none() && recorded && !revocations.refuses_all() && !is_off;
    Json(Report {
        status: match is_ready {
            _ if lifecycle.is_stopping() => "stopping",
            true => "ready",
            false => "not_ready",
        },
        version: env!("CARGO_PKG_VERSION"),
        started_at: keys.started_at(),
        database: Part { ok: stored.is_reachable },
        writes: Part { ok: stored.problem.is_none() },
        redis: sources.feed.is_signal_up().map(|ok| Part { ok }),
        recording: Recording { ok: recorded, waiting: recording.waiting },
        mails: Mails { waiting: outbox.waiting, dead_letters: outbox.dead },
        revocations: Revocations {
            ok: !revocations.is_stale(),
            staleness_seconds: revocations.staleness().as_secs_f64(),
        },
        clock: Clock { ok: !is_off, offset_seconds: clock.offset().as_seconds() },
        signing_keys: SigningKeys { published: keys.published().keys().len() },
        checkpoints: Checkpoints {
            alarms: sources.checkpoints.alarms(),
            latest: checkpoint.map(|(number, at)| LatestCheckpoint {
                number,
                age_seconds: now.since(at).as_secs(),
            }),
        },
        jobs: sources.jobs.states().iter().map(|state| Job::new(state, now)).collect(),
        tls: settings.tls.as_ref().map(|tls| {
            let expires = tls.expires();
            Certificate { ok: expires > now, expires }
        }),
        log_lines_lost: settings.log_lines_lost.load(Ordering::Relaxed),
    })
}

impl Job {
    fn new(state: &JobState, now: Timestamp) -> Self {
        let age = now.as_seconds().saturating_sub(state.last_run_seconds);
        Self {
            name: state.name,
            runs: state.runs,
            failures: state.failures,
            last_run_age_seconds: (state.runs > 0).then_some(age),
        }
    }
}
