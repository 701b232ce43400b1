//! `GET /health/live` and `/health/ready`: liveness and readiness.

use actix_web::web::{self, Json};
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::node::clock_watch::ClockWatch;
use portcullis_flows::node::revocation::Revocations;
use portcullis_web::{Body, Code, Guard, Lifecycle, Limit, Method, Problem, Route};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa::openapi::schema::{Array, ArrayBuilder};

use crate::machine::feed::Feed;
use crate::node::database_check::DatabaseCheck;
use crate::openapi::word;

/// The health of the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    #[schema(schema_with = status)]
    status: &'static str,
    #[schema(schema_with = notices, required = false)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notices: Vec<&'static str>,
}

/// The process answers.
const IS_LIVE: &str = "live";

/// The server accepts requests.
const IS_READY: &str = "ready";

/// The revocation state of this node is stale.
const REVOCATIONS_STALE: &str = "revocations_stale";

/// Revocations reach other nodes by polling, and each node has rate limits of its own.
const REDIS_LOST: &str = "redis_lost";

fn status() -> Object {
    word::described([IS_LIVE, IS_READY], "The status.", IS_READY)
}

fn notices() -> Array {
    let about = "The degraded functions: `revocations_stale` (the revocation state of this node is stale) or \
                 `redis_lost` (revocations reach other nodes by polling, and each node has rate limits of its own).";
    ArrayBuilder::new()
        .items(word::one_of([REVOCATIONS_STALE, REDIS_LOST]))
        .description(Some(about))
        .examples([json!([REDIS_LOST])])
        .build()
}

pub(crate) const LIVE: Route = Route {
    method: Method::Get,
    path: "/health/live",
    guard: Guard::PUBLIC,
    limit: Limit::exempt("monitors must reach it under every load"),
    body: Body::None,
    errors: &[],
};

/// Liveness: the process answers. The database is not queried.
#[utoipa::path(get, path = LIVE.path, operation_id = "getLiveness", tag = "operations",
    responses((status = 200, body = HealthAnswer, description = "The process answers")))]
pub(crate) async fn live() -> Json<HealthAnswer> {
    Json(HealthAnswer { status: IS_LIVE, notices: Vec::new() })
}

pub(crate) const READY: Route = Route {
    method: Method::Get,
    path: "/health/ready",
    guard: Guard::PUBLIC,
    limit: Limit::exempt("monitors must reach it under every load"),
    body: Body::None,
    errors: &[Code::Unavailable, Code::RevocationsStale, Code::Stopping, Code::ClockOff],
};

/// Readiness: the server accepts requests.
///
/// The response is 503 if the database does not answer or is read-only; if queued decisions have not
/// been recorded for five seconds; if the server is shutting down; if its clock differs from the
/// database clock by more than five seconds; or if the revocation state is stale and the server is
/// configured to refuse all tokens then.
#[utoipa::path(get, path = READY.path, operation_id = "getReadiness", tag = "operations",
    responses((status = 200, body = HealthAnswer, description = "The server is ready")))]
pub(crate) async fn ready(
    lifecycle: web::Data<Lifecycle>,
    database: web::Data<DatabaseCheck>,
    revocations: web::Data<Revocations>,
    decisions: web::Data<Decisions>,
    clock_watch: web::Data<ClockWatch>,
    feed: web::Data<Feed>,
) -> Result<Json<HealthAnswer>, Problem> {
    if lifecycle.is_stopping() {
        return Err(Problem::stopping());
    }
    let state = database.state().await;
    let is_stale = revocations.is_stale();
    if let Some(problem) = state.problem {
        return Err(if is_stale { problem.detail(STALE) } else { problem });
    }
    if decisions.recorder().state().is_stalled() {
        return Err(Problem::unavailable().detail(STALLED));
    }
    if revocations.refuses_all() {
        return Err(Problem::revocations_stale());
    }
    if clock_watch.is_off() {
        return Err(Problem::clock_off(clock_watch.offset()));
    }
    let redis_lost = feed.is_signal_up() == Some(false);
    let notices = [(REVOCATIONS_STALE, is_stale), (REDIS_LOST, redis_lost)];
    let notices = notices.into_iter().filter(|(_, holds)| *holds).map(|(word, _)| word).collect();
    Ok(Json(HealthAnswer { status: IS_READY, notices }))
}

const STALLED: &str =
    "Decisions are not recorded: the queue is not empty, and nothing was written for five seconds.";

const STALE: &str = "The database does not answer, and the revocation state of this node is stale.";
