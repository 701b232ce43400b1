//! `GET /api/admin/jobs`: the background jobs of this node.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use portcullis_domain::Timestamp;
use portcullis_flows::access::permission;
use portcullis_flows::node::job::{JobRecord, JobReport, Jobs};
use portcullis_web::{Body, Code, Guard, Limit, Method, Problem, Route, blocking};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::openapi::word::one_of_or_null;

/// The jobs of this node.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobsAnswer {
    items: Vec<JobAnswer>,
}

/// A background job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobAnswer {
    /// The name.
    #[schema(example = "checkpoints")]
    name: &'static str,
    /// The interval in milliseconds.
    #[schema(example = 60_000)]
    every_ms: u64,
    /// True if one node runs it for all nodes.
    #[schema(example = true)]
    exclusive: bool,
    this_node: RunsHereAnswer,
    /// The runs on all nodes; null unless the job is exclusive and has run.
    all_nodes: Option<RunsEverywhereAnswer>,
}

/// The runs of a job on this node since its start.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunsHereAnswer {
    /// The number of runs.
    #[schema(example = 12)]
    runs: u64,
    /// The number of failed runs.
    #[schema(example = 0)]
    failures: u64,
    /// The number of failed runs since the last successful one.
    #[schema(example = 0)]
    failures_in_a_row: u64,
    /// The end of the last run (RFC 3339, UTC); null before the first.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:30:00Z")]
    last_run_at: Option<Timestamp>,
    /// The duration of the last run in milliseconds; null before the first.
    #[schema(example = 3)]
    last_duration_ms: Option<u64>,
    #[schema(schema_with = result)]
    last_result: Option<&'static str>,
    /// The next attempt (RFC 3339, UTC); null while the job runs here. An exclusive job runs then only if it is due,
    /// and no other node runs it.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:31:00Z")]
    next_run_at: Option<Timestamp>,
}

/// The runs of an exclusive job on all nodes.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunsEverywhereAnswer {
    /// The start of the last run (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    started_at: Timestamp,
    /// The end of the last successful run (RFC 3339, UTC); null without one.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:30:00Z")]
    succeeded_at: Option<Timestamp>,
    /// The end of the last failed run (RFC 3339, UTC); null without one.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    failed_at: Option<Timestamp>,
    /// The duration of the last finished run in milliseconds.
    #[schema(example = 3)]
    last_duration_ms: u64,
    #[schema(schema_with = result)]
    last_result: Option<&'static str>,
    /// The time from which any node may run it next (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    due_at: Timestamp,
}

impl From<JobReport> for JobAnswer {
    fn from(report: JobReport) -> Self {
        let JobReport { every, exclusive, state, next_at, everywhere } = report;
        let has_run = state.runs > 0;
        let last_run = Timestamp::from_seconds(state.last_run_seconds);
        Self {
            name: state.name,
            every_ms: milliseconds(every),
            exclusive,
            this_node: RunsHereAnswer {
                runs: state.runs,
                failures: state.failures,
                failures_in_a_row: state.failures_in_a_row,
                last_run_at: has_run.then_some(last_run),
                last_duration_ms: has_run.then(|| milliseconds(state.duration)),
                last_result: has_run.then_some(word(state.failures_in_a_row == 0)),
                next_run_at: next_at,
            },
            all_nodes: everywhere.map(RunsEverywhereAnswer::from),
        }
    }
}

impl From<JobRecord> for RunsEverywhereAnswer {
    fn from(record: JobRecord) -> Self {
        let has_ended = record.succeeded_at.is_some() || record.failed_at.is_some();
        Self {
            started_at: record.started_at,
            succeeded_at: record.succeeded_at,
            failed_at: record.failed_at,
            last_duration_ms: milliseconds(record.duration),
            last_result: has_ended.then_some(word(!record.is_failing())),
            due_at: record.due_at,
        }
    }
}

const RESULTS: [&str; 2] = ["succeeded", "failed"];

const fn word(has_succeeded: bool) -> &'static str {
    let [succeeded, failed] = RESULTS;
    if has_succeeded { succeeded } else { failed }
}

fn result() -> Object {
    one_of_or_null(RESULTS)
        .description(Some(
            "The result of the last finished run; null without one. The log of the node has the reason of a failure.",
        ))
        .examples(["succeeded"])
        .build()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/jobs",
    guard: Guard::permitted(&[permission::READ_SERVER]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the background jobs of the node that answers.
#[utoipa::path(get, path = LIST.path, operation_id = "listJobs", tag = "operations",
    responses((status = 200, body = JobsAnswer, description = "The jobs")))]
pub(crate) async fn list(jobs: web::Data<Jobs>) -> Result<HttpResponse, Problem> {
    let reports = blocking(move || jobs.reports()).await?;
    let items = reports.into_iter().map(JobAnswer::from).collect();
    Ok(HttpResponse::Ok().json(JobsAnswer { items }))
}
