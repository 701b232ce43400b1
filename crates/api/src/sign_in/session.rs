//! `/api/auth/sessions`: the caller's own sessions: list, end one, end the others. Other accounts:
//! `session_directory.rs` and `identity/account_change.rs`; all accounts: `mass_sign_out.rs`.

pub(crate) mod device;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{DisplayName, SessionId, Timestamp};
use portcullis_flows::sign_in::session::{ActiveSession, Sessions};
use portcullis_web::{
    Body, Caller, Code, Guard, Limit, Method, Priority, Problem, Query, Route, Settings, blocking,
};
use serde::Serialize;
use utoipa::ToSchema;

use self::device::DeviceAnswer;
use crate::sign_in::sign_out::signed_out;

/// The active sessions of an account, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionsAnswer {
    items: Vec<SessionAnswer>,
    /// Always null: all sessions are on one page.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// A session: one sign-in on one device.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    /// The id of the session.
    #[schema(example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    id: String,
    device: DeviceAnswer,
    /// The client address of the latest refresh.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// The time of the sign-in (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    created_at: Timestamp,
    /// The time of the latest refresh (RFC 3339, UTC). Requests with an access token do not change it.
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T10:01:00Z")]
    last_used_at: Timestamp,
    /// The time at which the session expires without another refresh (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-27T10:01:00Z")]
    expires_at: Timestamp,
    /// True for the session of this request.
    #[schema(example = true)]
    current: bool,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/auth/sessions",
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::Unavailable],
};

/// Lists the sessions of the caller.
#[utoipa::path(get, path = LIST.path, operation_id = "listSessions", tag = "auth",
    responses((status = 200, body = SessionsAnswer, description = "The sessions")))]
pub(crate) async fn list(
    caller: Caller,
    request: HttpRequest,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request)?;
    let (account, current) = caller.session()?;
    let sessions = blocking(move || sessions.list(account)).await?;
    Ok(HttpResponse::Ok().json(SessionsAnswer::of(&sessions, Some(current))))
}

pub(crate) const END: Route = Route {
    method: Method::Delete,
    path: "/api/auth/sessions/{id}",
    guard: Guard::CALLER,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[Code::CsrfFailed, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Ends one session of the caller.
///
/// This node refuses its tokens from the next request on, other nodes within one second.
#[utoipa::path(delete, path = END.path, operation_id = "endSession", tag = "auth",
    params(("id" = String, Path, description = "The session",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")),
    responses((status = 204, description = "The session has ended")))]
pub(crate) async fn end(
    caller: Caller,
    sessions: web::Data<Sessions>,
    settings: web::Data<Settings>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let session: SessionId = id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let (account, current) = caller.session()?;
    let end = move || sessions.end(account, current, session, &caller.0.origin);
    if !blocking(end).await? {
        return Err(Problem::new(Code::NotFound));
    }
    if session == current {
        return Ok(signed_out(&settings));
    }
    Ok(HttpResponse::NoContent().finish())
}

pub(crate) const END_OTHERS: Route = Route {
    method: Method::Delete,
    path: "/api/auth/sessions",
    guard: Guard::CALLER,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[Code::CsrfFailed, Code::OutcomeUnknown, Code::Unavailable],
};

/// Ends all sessions of the caller except the session of this request.
#[utoipa::path(delete, path = END_OTHERS.path, operation_id = "endOtherSessions", tag = "auth",
    responses((status = 204, description = "The other sessions have ended")))]
pub(crate) async fn end_others(
    caller: Caller,
    sessions: web::Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    let (account, current) = caller.session()?;
    let end = move || sessions.end_others(account, current, &caller.0.origin);
    blocking(end).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl SessionsAnswer {
    /// The answer to a request of the session `current`, if it has one.
    pub(crate) fn of(sessions: &[ActiveSession], current: Option<SessionId>) -> Self {
        let items = sessions.iter().map(|session| SessionAnswer::of(session, current)).collect();
        Self { items, next_cursor: None }
    }
}

impl SessionAnswer {
    pub(crate) fn of(session: &ActiveSession, current: Option<SessionId>) -> Self {
        let given_name = session.device_name.as_ref().map(DisplayName::as_str);
        Self {
            id: session.id.to_string(),
            device: DeviceAnswer::of(given_name, session.user_agent.as_deref()),
            address: session.address.to_string(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.ends_at,
            current: Some(session.id) == current,
        }
    }
}
