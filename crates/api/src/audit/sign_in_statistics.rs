//! `GET /api/admin/sign-ins`: successes and refusals over time, and the accounts and addresses with the most
//! refusals.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::access::permission;
use portcullis_flows::audit::sign_in_statistics::{
    MAX_BUCKETS, PeriodError, RefusedAccount, RefusedAddress, SignInBucket, SignInReport,
    SignInStatistics, Step, TopList,
};
use portcullis_web::{
    Body, Caller, Code, Concurrency, ConcurrencyPermit, FieldProblem, Guard, Limit, Method,
    Priority, Problem, Query, Route, Time, blocking,
};
use serde::Serialize;
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder};
use utoipa::{IntoParams, ToSchema};

use crate::openapi::word;

/// Permits for statistics: each reads up to two days of events.
const STATISTICS: Concurrency =
    Concurrency { name: "statistics", places: 4, unit: None, wait: Duration::ZERO };

/// The sign-ins of a period.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInReportAnswer {
    /// The start of the period, inclusive (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-13T09:20:00Z")]
    from: Timestamp,
    /// The end of the period, exclusive (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:20:00Z")]
    until: Timestamp,
    #[schema(schema_with = step)]
    step: &'static str,
    /// The successful sign-ins of the period.
    #[schema(value_type = i64, minimum = 0, example = 1250)]
    successes: u64,
    #[schema(schema_with = refusals)]
    refusals: BTreeMap<String, u64>,
    /// The refused sign-ins of names that no account has.
    #[schema(value_type = i64, minimum = 0, example = 20)]
    without_account: u64,
    /// The buckets in the order of time, also those without sign-ins.
    buckets: Vec<SignInBucketAnswer>,
    /// The refused sign-ins of each hour of the week in UTC, 168 numbers. The first one is Monday from 0 to
    /// 1 o'clock.
    #[schema(value_type = Vec<i64>, min_items = 168, max_items = 168, example = json!(vec![0; 168]))]
    refusals_by_hour_of_week: Vec<u64>,
    top_accounts: TopAccountsAnswer,
    top_addresses: TopAddressesAnswer,
}

/// The sign-ins of one step.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInBucketAnswer {
    /// The start of the step (RFC 3339, UTC), a whole minute, hour or day. The first and the last bucket have
    /// only the sign-ins within the period.
    #[schema(value_type = String, format = DateTime, example = "2026-11-13T09:00:00Z")]
    start: Timestamp,
    /// The successful sign-ins.
    #[schema(value_type = i64, minimum = 0, example = 40)]
    successes: u64,
    #[schema(schema_with = refusals)]
    refusals: BTreeMap<String, u64>,
}

/// The accounts with the most refused sign-ins, at most 20.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopAccountsAnswer {
    items: Vec<RefusedAccountAnswer>,
    /// Null if no other account has more refusals than those listed. Otherwise too many accounts have too
    /// few refusals each to be ranked, and no account that is left out has more than this number.
    #[schema(value_type = Option<i64>, example = json!(null))]
    others_at_most: Option<u64>,
}

/// An account with refused sign-ins.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedAccountAnswer {
    /// The id of the account.
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    account_id: AccountId,
    /// The user name of the account; null if it is deleted.
    #[schema(example = "ada")]
    username: Option<String>,
    /// The refused sign-ins.
    #[schema(value_type = i64, minimum = 0, example = 31)]
    refusals: u64,
}

/// The addresses with the most refused sign-ins, at most 20.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopAddressesAnswer {
    items: Vec<RefusedAddressAnswer>,
    /// Null if no other address has more refusals than those listed. Otherwise too many addresses have too
    /// few refusals each to be ranked, and no address that is left out has more than this number.
    #[schema(value_type = Option<i64>, example = json!(null))]
    others_at_most: Option<u64>,
}

/// An address with refused sign-ins.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedAddressAnswer {
    /// The address, as in the audit log.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// The refused sign-ins.
    #[schema(value_type = i64, minimum = 0, example = 52)]
    refusals: u64,
}

fn steps() -> ObjectBuilder {
    word::one_of(Step::ALL.iter().map(|step| step.as_str()))
}

fn step() -> Object {
    steps().description(Some("The length of a bucket.")).examples(["hour"]).build()
}

fn refusals() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    let numbers = ObjectBuilder::new().schema_type(Type::Integer).format(Some(format));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(word::outcome().build()))
        .additional_properties(Some(numbers))
        .description(Some("The refused sign-ins by outcome, without outcomes that did not occur."))
        .examples([json!({ "wrong_password": 84, "locked": 12 })])
        .build()
}

/// The length of a bucket, for the API document.
struct StepParameter;

impl IntoParams for StepParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The length of a bucket. A period has at most 400 buckets. By default the shortest one that \
                     gives at most 200, or `day`";
        vec![word::query_parameter("step", about, steps(), "hour")]
    }
}

impl From<SignInReport> for SignInReportAnswer {
    fn from(report: SignInReport) -> Self {
        let account = |listed: RefusedAccount| RefusedAccountAnswer {
            account_id: listed.account,
            username: listed.username.map(|name| name.as_str().to_owned()),
            refusals: listed.refusals,
        };
        let address = |listed: RefusedAddress| {
            let RefusedAddress { address, refusals } = listed;
            RefusedAddressAnswer { address, refusals }
        };
        let TopList { entries: accounts, others_at_most: of_accounts } = report.accounts;
        let TopList { entries: addresses, others_at_most } = report.addresses;
        Self {
            from: report.period.from(),
            until: report.period.until(),
            step: report.period.step().as_str(),
            successes: report.total.successes,
            refusals: report.total.refusals,
            without_account: report.without_account,
            buckets: report.buckets.into_iter().map(SignInBucketAnswer::from).collect(),
            refusals_by_hour_of_week: report.by_hour_of_week.to_vec(),
            top_accounts: TopAccountsAnswer {
                items: accounts.into_iter().map(account).collect(),
                others_at_most: of_accounts,
            },
            top_addresses: TopAddressesAnswer {
                items: addresses.into_iter().map(address).collect(),
                others_at_most,
            },
        }
    }
}

impl From<SignInBucket> for SignInBucketAnswer {
    fn from(bucket: SignInBucket) -> Self {
        let SignInBucket { start, successes, refusals } = bucket;
        Self { start, successes, refusals }
    }
}

pub(crate) const READ: Route = Route {
    method: Method::Get,
    path: "/api/admin/sign-ins",
    guard: Guard::permitted(&[permission::READ_AUDIT_LOG]),
    limit: Limit::concurrent(&STATISTICS).priority(Priority::Low),
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Counts the sign-ins of a period: by time and outcome, and for the accounts and addresses with the most
/// refusals.
///
/// Each number is the number of entries of the audit log of the kind `sign_in` in the period. A refusal is
/// every outcome but `success`. The audit log records the access as a search.
#[utoipa::path(get, path = READ.path, operation_id = "getSignInStatistics", tag = "audit",
    params(
        ("from" = Option<String>, Query, format = DateTime, pattern = "^(19[7-9]|[2-9][0-9]{2})",
            description = "The start, inclusive (RFC 3339, 1970 to 9999), by default a day before the end",
            example = "2026-11-13T09:20:00Z"),
        ("until" = Option<String>, Query, format = DateTime, pattern = "^(19[7-9]|[2-9][0-9]{2})",
            description = "The end, exclusive; after `from`, by default now", example = "2026-11-20T09:20:00Z"),
        StepParameter,
    ),
    responses((status = 200, body = SignInReportAnswer, description = "The sign-ins of the period")))]
pub(crate) async fn read(
    caller: Caller,
    place: ConcurrencyPermit,
    request: HttpRequest,
    statistics: web::Data<SignInStatistics>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["from", "until", "step"])?;
    let mut faults = Vec::new();
    let time = || "use a time from 1970 to 9999 as in 2027-01-15T08:00:00Z".to_owned();
    let from = query.parsed("from", time, Time::parse, &mut faults).map(|time| time.0);
    let until = query.parsed("until", time, Time::parse, &mut faults).map(|time| time.0);
    let steps = || "use one of minute, hour, day".to_owned();
    let step = query.parsed("step", steps, Step::parse, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let period = statistics.period(from, until, step).map_err(fault)?;
    let read = move || {
        let report = statistics.read(&caller.0, period);
        drop(place);
        report
    };
    let report = blocking(read).await?;
    Ok(HttpResponse::Ok().json(SignInReportAnswer::from(report)))
}

fn fault(error: PeriodError) -> Problem {
    let fault = match error {
        PeriodError::Empty => {
            let message = "use a time after that of `from`";
            FieldProblem::new("until".to_owned(), "not_after_from", message)
        }
        PeriodError::TooLong(step) => {
            let message = format!(
                "a period has at most {MAX_BUCKETS} buckets of a {}: use a shorter one, or a longer step",
                step.as_str()
            );
            FieldProblem::new("until".to_owned(), "out_of_range", message)
        }
    };
    Problem::invalid(vec![fault])
}
