//! `GET /api/admin/risk/sign-ins` and `/replay`: assessed sign-ins with their reasons, and their replay with
//! other thresholds.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_audit::{AuditKeys, RiskOutcome};
use portcullis_domain::{AccountId, Ambient, Timestamp};
use portcullis_flows::access::permission;
use portcullis_flows::audit::trail::AuditLogError;
use portcullis_flows::sign_in::risk::{RiskPolicy, Signal};
use portcullis_flows::sign_in::risk_replay::{
    OutcomeCount, ReplayedSignIn, RiskReplay, RiskReplayReport,
};
use portcullis_web::quotas::SEARCHES;
use portcullis_web::{
    Body, Caller, Code, ConcurrencyPermit, FieldProblem, Guard, Limit, Method, Priority, Problem,
    Query, Route, blocking,
};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::openapi::word;

/// A page of assessed sign-ins, and the thresholds in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct RiskPageAnswer {
    /// The score from which a sign-in is challenged, in points.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000, example = 40)]
    challenge_at: u32,
    /// The score from which a sign-in is refused, in points.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000, example = 100)]
    refuse_at: u32,
    /// The sign-ins, newest first.
    items: Vec<AssessedSignInAnswer>,
    /// The value of `cursor` for the next page; null on the last page.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// An assessed sign-in.
#[derive(Serialize, ToSchema)]
pub(crate) struct AssessedSignInAnswer {
    /// The id of its entry in the audit log.
    #[schema(format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15")]
    event: String,
    /// The time (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    at: Timestamp,
    /// The account.
    #[schema(value_type = Option<String>, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    account_id: Option<AccountId>,
    /// The client address.
    #[schema(example = "198.51.100.7")]
    address: String,
    /// The recorded score.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 45)]
    recorded_score: u32,
    #[schema(schema_with = word::risk_outcome)]
    recorded_outcome: &'static str,
    /// The score under the weights in force, or under the weights and thresholds of a replay.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 45)]
    score: u32,
    #[schema(schema_with = word::risk_outcome)]
    outcome: &'static str,
    /// The signals that make up `score`.
    signals: Vec<SignalAnswer>,
}

/// A signal of a score.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignalAnswer {
    #[schema(schema_with = signal)]
    signal: &'static str,
    /// Its points.
    #[schema(value_type = i64, minimum = 1, maximum = 4_294_967_295_u32, example = 20)]
    points: u32,
    /// The explanation by the recorded facts.
    #[schema(example = "the device has not signed in to this account before")]
    reason: String,
}

fn signal() -> utoipa::openapi::Object {
    let signals = word::one_of(Signal::ALL.iter().map(|signal| signal.as_str()));
    signals
        .description(Some("The signal."))
        .examples([serde_json::Value::from("new_device")])
        .build()
}

impl From<ReplayedSignIn> for AssessedSignInAnswer {
    fn from(sign_in: ReplayedSignIn) -> Self {
        let ReplayedSignIn { event, at, account, address, recorded, replayed } = sign_in;
        let signals = replayed.signals.iter().map(|shown| SignalAnswer {
            signal: shown.signal.as_str(),
            points: shown.points,
            reason: shown.signal.explain(&recorded.facts),
        });
        Self {
            event: event.to_string(),
            at,
            account_id: account,
            address,
            recorded_score: recorded.score,
            recorded_outcome: recorded.outcome.as_str(),
            score: replayed.score,
            outcome: replayed.outcome.as_str(),
            signals: signals.collect(),
        }
    }
}

/// The recorded outcome, for the API document.
struct OutcomeParameter;

impl IntoParams for OutcomeParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = word::risk_outcome();
        vec![word::query_parameter("outcome", "The recorded outcome", schema, "challenged")]
    }
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/risk/sign-ins",
    guard: Guard::permitted(&[permission::READ_AUDIT_LOG]),
    limit: Limit::concurrent(&SEARCHES).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the assessed sign-ins with the signals of their scores, newest first.
///
/// The header `Link` contains the address of the next page (RFC 8288). The audit log records the first page
/// of a search. A cursor continues only the same search.
#[utoipa::path(get, path = LIST.path, operation_id = "listAssessedSignIns", tag = "audit",
    params(
        OutcomeParameter,
        ("account" = Option<String>, Query, format = Uuid, description = "The account",
            example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "The maximum number of sign-ins, 1 to 200, by default 50", example = 50),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page"),
    ),
    responses((status = 200, body = RiskPageAnswer, description = "A page of sign-ins")))]
pub(crate) async fn list(
    caller: Caller,
    place: ConcurrencyPermit,
    request: HttpRequest,
    audit_keys: web::Data<AuditKeys>,
    risk: web::Data<RiskReplay>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["outcome", "account", "limit", "cursor"])?;
    let mut faults = Vec::new();
    let outcomes = || "use one of allowed, challenged, refused".to_owned();
    let outcome = query.parsed("outcome", outcomes, |word| word.parse().ok(), &mut faults);
    let account = || "use the id of an account".to_owned();
    let account = query.parsed("account", account, |id| id.parse().ok(), &mut faults);
    let limits = || format!("use a number from 1 to {MAX_LIMIT}");
    let number = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = query.parsed("limit", limits, number, &mut faults).unwrap_or(DEFAULT_LIMIT);
    let (filter, caller) = (RiskReplay::filter(outcome, account), caller.0);
    let cursor = query.parsed(
        "cursor",
        || "use the next_cursor of the page before with the same search, or none".to_owned(),
        |text| audit_keys.open_cursor(text, caller.actor, &filter).ok(),
        &mut faults,
    );
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let policy = risk.policy();
    let search = move || {
        let page = risk.search(&caller, &filter, cursor, &policy, limit)?;
        let next = page.next.map(|next| audit_keys.seal_cursor(next, caller.actor, &filter));
        drop(place);
        Ok::<_, AuditLogError>((page.sign_ins, next))
    };
    let (sign_ins, next_cursor) = blocking(search).await?;
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        let next = format!("<{}?{}>; rel=\"next\"", request.path(), query.with("cursor", cursor));
        response.insert_header((header::LINK, next));
    }
    let RiskPolicy { challenge_at, refuse_at, .. } = policy;
    let items = sign_ins.into_iter().map(AssessedSignInAnswer::from).collect();
    Ok(response.json(RiskPageAnswer { challenge_at, refuse_at, items, next_cursor }))
}

/// The result of a replay.
#[derive(Serialize, ToSchema)]
pub(crate) struct RiskReplayAnswer {
    /// The threshold of a challenge in the replay, in points.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000, example = 50)]
    challenge_at: u32,
    /// The threshold of a refusal in the replay, in points.
    #[schema(value_type = i64, minimum = 1, maximum = 1_000, example = 100)]
    refuse_at: u32,
    /// The number of sign-ins that were assessed again, at most 20,000: the latest ones.
    #[schema(value_type = i64, minimum = 0, example = 1805)]
    examined: u64,
    /// The time of the earliest of them, if the period has earlier ones (RFC 3339, UTC); else null.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    cut_at: Option<Timestamp>,
    /// The numbers of sign-ins by recorded outcome and by outcome in the replay, without zeros.
    outcomes: Vec<OutcomeCountAnswer>,
    /// The latest sign-ins with another outcome, at most 1,000.
    changes: Vec<AssessedSignInAnswer>,
    /// The number of further ones.
    #[schema(value_type = i64, minimum = 0, example = 0)]
    left_out: u64,
}

/// The number of sign-ins with one pair of outcomes.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutcomeCountAnswer {
    #[schema(schema_with = word::risk_outcome)]
    was: RiskOutcome,
    #[schema(schema_with = word::risk_outcome)]
    would_be: RiskOutcome,
    /// The number of sign-ins.
    #[schema(value_type = i64, minimum = 1, example = 1804)]
    sign_ins: u64,
}

impl From<OutcomeCount> for OutcomeCountAnswer {
    fn from(OutcomeCount { was, would_be, sign_ins }: OutcomeCount) -> Self {
        Self { was, would_be, sign_ins }
    }
}

impl RiskReplayAnswer {
    fn new(policy: RiskPolicy, report: RiskReplayReport) -> Self {
        let RiskPolicy { challenge_at, refuse_at, .. } = policy;
        Self {
            challenge_at,
            refuse_at,
            examined: report.examined,
            cut_at: report.cut_at,
            outcomes: report.outcomes().into_iter().map(OutcomeCountAnswer::from).collect(),
            changes: report.changes.into_iter().map(AssessedSignInAnswer::from).collect(),
            left_out: report.left_out,
        }
    }
}

pub(crate) const REPLAY: Route = Route { path: "/api/admin/risk/replay", ..LIST };

/// Assesses the sign-ins of the days before now again, with other thresholds and the weights in force.
///
/// The risk is a function of the recorded facts. Nothing is changed. The audit log records the access as a
/// search.
#[utoipa::path(get, path = REPLAY.path, operation_id = "replaySignInRisk", tag = "audit",
    params(
        ("challenge_at" = Option<u32>, Query, minimum = 1, maximum = 1000,
            description = "The score from which a sign-in is challenged, by default that in force", example = 50),
        ("refuse_at" = Option<u32>, Query, minimum = 1, maximum = 1000,
            description = "The score from which a sign-in is refused, at least that of a challenge, by default \
                that in force", example = 100),
        ("days" = Option<u32>, Query, minimum = 1, maximum = 365,
            description = "The days before now, 1 to 365, by default 30", example = 30),
    ),
    responses((status = 200, body = RiskReplayAnswer, description = "The result")))]
pub(crate) async fn replay(
    caller: Caller,
    place: ConcurrencyPermit,
    request: HttpRequest,
    risk: web::Data<RiskReplay>,
    ambient: web::Data<Ambient>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["challenge_at", "refuse_at", "days"])?;
    let mut faults = Vec::new();
    let mut number = |key, range: std::ops::RangeInclusive<u32>| {
        let expected = format!("use a number from {} to {}", range.start(), range.end());
        let read = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        query.parsed(key, || expected, read, &mut faults)
    };
    let challenge_at = number("challenge_at", RiskPolicy::THRESHOLDS);
    let refuse_at = number("refuse_at", RiskPolicy::THRESHOLDS);
    let days = number("days", RiskReplay::DAYS_OF_REQUEST).unwrap_or(RiskReplay::DEFAULT_DAYS);
    let policy = risk.policy().with_thresholds(challenge_at, refuse_at);
    if policy.refuse_at < policy.challenge_at {
        let message = "use at least the points of a challenge";
        faults.push(FieldProblem::new("refuse_at".to_owned(), "out_of_range", message));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let now = ambient.now();
    let work = move || {
        let report = risk.replay_days(&caller.0, (days, now), &policy);
        drop(place);
        report
    };
    let report = blocking(work).await?;
    Ok(HttpResponse::Ok().json(RiskReplayAnswer::new(policy, report)))
}

/// The maximum of sign-ins on a page.
const MAX_LIMIT: usize = 200;

/// The default number of sign-ins on a page.
const DEFAULT_LIMIT: usize = 50;
