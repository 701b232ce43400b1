//! `GET /api/admin/lockouts`: the accounts that are locked now. An administrator ends a lockout in `unlock.rs`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::access::permission;
use portcullis_flows::sign_in::lockout::CounterKind;
use portcullis_flows::sign_in::lockout_directory::{
    ListedLockout, LockoutCursor, LockoutDirectory,
};
use portcullis_web::{Body, Caller, Code, Guard, Limit, Method, Problem, Query, Route, blocking};
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::word;

/// A page of lockouts.
#[derive(Serialize, ToSchema)]
pub(crate) struct LockoutPageAnswer {
    items: Vec<ListedLockoutAnswer>,
    /// The cursor of the next page; null on the last one.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// A lockout with its account.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedLockoutAnswer {
    /// The id of the account.
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    account_id: AccountId,
    /// The user name of the account.
    #[schema(example = "ada")]
    username: String,
    /// What is locked: the password for `strangers`, that is clients that have not used it before; the
    /// password for `known_devices`; or the codes of second factors (`factors`).
    #[schema(schema_with = counter_kind)]
    locked: &'static str,
    /// The failures in a row.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 7)]
    failures: u32,
    /// The last failure (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    last_failed_at: Timestamp,
    /// The end of the wait (RFC 3339, UTC); null if only a new password or an administrator ends it.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:45:00Z")]
    locked_until: Option<Timestamp>,
}

fn counter_kind() -> utoipa::openapi::Object {
    let kinds = word::one_of(CounterKind::ALL.iter().map(|kind| kind.as_str()));
    kinds.examples([serde_json::Value::from("strangers")]).build()
}

impl From<&ListedLockout> for ListedLockoutAnswer {
    fn from(listed: &ListedLockout) -> Self {
        Self {
            account_id: listed.account,
            username: listed.username.as_str().to_owned(),
            locked: listed.kind.as_str(),
            failures: listed.failures,
            last_failed_at: listed.last_failed_at,
            locked_until: Some(listed.closed_until).filter(|until| *until < Timestamp::NEVER),
        }
    }
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/lockouts",
    guard: Guard::permitted(&[permission::LIST_ACCOUNTS, permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the accounts that are locked now, the longest wait first.
///
/// An account appears once for each of its counters that is closed. The header `Link` contains the address
/// of the next page (RFC 8288). The audit log records each page.
#[utoipa::path(get, path = LIST.path, operation_id = "listLockouts", tag = "users",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "The maximum number of lockouts, 1 to 200, by default 50", example = 50),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page"),
    ),
    responses((status = 200, body = LockoutPageAnswer, description = "A page of lockouts")))]
pub(crate) async fn list(
    caller: Caller,
    request: HttpRequest,
    directory: web::Data<LockoutDirectory>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["limit", "cursor"])?;
    let mut faults = Vec::new();
    let expected = || format!("use a number from 1 to {MAX_LIMIT}");
    let number = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = query.parsed("limit", expected, number, &mut faults);
    let expected = || "use the next_cursor of the page before, or none".to_owned();
    let cursor = |text: &str| text.parse::<LockoutCursor>().ok();
    let cursor = query.parsed("cursor", expected, cursor, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let list = move || directory.list(&caller.0, cursor, limit.unwrap_or(DEFAULT_LIMIT));
    let page = blocking(list).await?;
    let next_cursor = page.next.map(|cursor| cursor.to_string());
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        let next = format!("<{}?{}>; rel=\"next\"", request.path(), query.with("cursor", cursor));
        response.insert_header((header::LINK, next));
    }
    let items = page.lockouts.iter().map(ListedLockoutAnswer::from).collect();
    Ok(response.json(LockoutPageAnswer { items, next_cursor }))
}

/// The maximum of lockouts on a page.
const MAX_LIMIT: u32 = 200;

/// The default number of lockouts on a page.
const DEFAULT_LIMIT: u32 = 50;
