//! `GET /api/admin/users/{id}/sessions` and `GET /api/admin/sessions`: the sessions of other accounts. An
//! administrator ends them in `identity/account_change.rs`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{AccountId, SessionId};
use portcullis_flows::access::permission;
use portcullis_flows::sign_in::session_directory::{ListedSession, SessionDirectory};
use portcullis_web::{Body, Caller, Code, Guard, Limit, Method, Problem, Query, Route, blocking};
use serde::Serialize;
use utoipa::ToSchema;

use super::session::{SessionAnswer, SessionsAnswer};
use crate::identity::account_change::account;

/// A page of sessions of all accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionPageAnswer {
    items: Vec<ListedSessionAnswer>,
    /// The cursor of the next page; null on the last one.
    #[schema(value_type = Option<String>, example = json!(null))]
    next_cursor: Option<SessionId>,
}

/// A session with its account.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedSessionAnswer {
    /// The id of the account.
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    account_id: AccountId,
    /// The user name of the account.
    #[schema(example = "ada")]
    username: String,
    session: SessionAnswer,
}

impl ListedSessionAnswer {
    fn of(listed: &ListedSession, current: Option<SessionId>) -> Self {
        Self {
            account_id: listed.account,
            username: listed.username.as_str().to_owned(),
            session: SessionAnswer::of(&listed.session, current),
        }
    }
}

pub(crate) const LIST_OF_USER: Route = Route {
    method: Method::Get,
    path: "/api/admin/users/{id}/sessions",
    guard: Guard::permitted(&[permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the sessions of an account. The audit log records the access.
#[utoipa::path(get, path = LIST_OF_USER.path, operation_id = "listUserSessions", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 200, body = SessionsAnswer, description = "The sessions")))]
pub(crate) async fn list_of_user(
    caller: Caller,
    request: HttpRequest,
    directory: web::Data<SessionDirectory>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request)?;
    let (id, current) = (account(&id)?, caller.0.session());
    let sessions = blocking(move || directory.of_account(&caller.0, id)).await?;
    Ok(HttpResponse::Ok().json(SessionsAnswer::of(&sessions, current)))
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/sessions",
    guard: Guard::permitted(&[permission::LIST_ACCOUNTS, permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the sessions of all accounts, the newest first.
///
/// A page can have fewer sessions than `limit`, also none, and another one can follow: only the last page
/// has no `next_cursor`. The header `Link` contains the address of the next page (RFC 8288). The audit log
/// records each page.
#[utoipa::path(get, path = LIST.path, operation_id = "listAllSessions", tag = "users",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "The maximum number of sessions, 1 to 200, by default 50", example = 50),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page"),
    ),
    responses((status = 200, body = SessionPageAnswer, description = "A page of sessions")))]
pub(crate) async fn list(
    caller: Caller,
    request: HttpRequest,
    directory: web::Data<SessionDirectory>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["limit", "cursor"])?;
    let mut faults = Vec::new();
    let expected = || format!("use a number from 1 to {MAX_LIMIT}");
    let number = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = query.parsed("limit", expected, number, &mut faults);
    let expected = || "use the next_cursor of the page before, or none".to_owned();
    let cursor = |text: &str| text.parse::<SessionId>().ok();
    let cursor = query.parsed("cursor", expected, cursor, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let current = caller.0.session();
    let list = move || directory.list(&caller.0, cursor, limit.unwrap_or(DEFAULT_LIMIT));
    let page = blocking(list).await?;
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &page.next {
        let next = query.with("cursor", &cursor.to_string());
        let next = format!("<{}?{next}>; rel=\"next\"", request.path());
        response.insert_header((header::LINK, next));
    }
    let items = page.sessions.iter().map(|listed| ListedSessionAnswer::of(listed, current));
    Ok(response.json(SessionPageAnswer { items: items.collect(), next_cursor: page.next }))
}

/// The maximum of sessions on a page.
const MAX_LIMIT: u32 = 200;

/// The default number of sessions on a page.
const DEFAULT_LIMIT: u32 = 50;
