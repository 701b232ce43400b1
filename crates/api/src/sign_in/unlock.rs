//! `/api/admin/users/{id}/lockout`: an administrator sees the lockout of an account and ends it.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::Timestamp;
use portcullis_flows::access::permission;
use portcullis_flows::sign_in::unlock::Lockouts;
use portcullis_web::{Body, Caller, Code, Guard, Limit, Method, Problem, Query, Route, blocking};
use serde::Serialize;
use utoipa::ToSchema;

use crate::identity::account_change::account;

/// The lockout of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct LockoutAnswer {
    /// True if strangers, known devices or codes have to wait: the right password or code is refused too.
    #[schema(example = true)]
    locked: bool,
    /// The end of the longest wait (RFC 3339, UTC); null without one, and if only a new password or an
    /// administrator ends it.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:45:00Z")]
    locked_until: Option<Timestamp>,
    /// The failures in a row: the most of the three.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 7)]
    failures: u32,
    /// True if the owner has reported an action that was not its own: no sign-in until the password
    /// is reset, or the account is unlocked.
    #[schema(example = false)]
    is_blocked: bool,
}

pub(crate) const READ: Route = Route {
    method: Method::Get,
    path: "/api/admin/users/{id}/lockout",
    guard: Guard::permitted(&[permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Returns the lockout of an account. The audit log records the access.
#[utoipa::path(get, path = READ.path, operation_id = "getUserLockout", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 200, body = LockoutAnswer, description = "The lockout")))]
pub(crate) async fn read(
    caller: Caller,
    request: HttpRequest,
    lockouts: web::Data<Lockouts>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request)?;
    let id = account(&id)?;
    let found = blocking(move || lockouts.read(&caller.0, id)).await?;
    Ok(HttpResponse::Ok().json(LockoutAnswer {
        locked: found.locked_until.is_some(),
        locked_until: found.locked_until.filter(|until| *until < Timestamp::NEVER),
        failures: found.failures,
        is_blocked: found.account.is_blocked,
    }))
}

pub(crate) const UNLOCK: Route = Route {
    method: Method::Delete,
    path: "/api/admin/users/{id}/lockout",
    guard: Guard::permitted(&[permission::CHANGE_STATE]).recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::OwnAccount,
        Code::MatrixSuperseded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Ends the lockout of an account: forgets its failures, and lifts the block after a report of its owner.
///
/// An account without a lockout stays as it is. The audit log records the request in both cases.
#[utoipa::path(delete, path = UNLOCK.path, operation_id = "unlockUser", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 204, description = "The account is not locked")))]
pub(crate) async fn unlock(
    caller: Caller,
    lockouts: web::Data<Lockouts>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (caller, id) = (caller.0, account(&id)?);
    blocking(move || lockouts.unlock(&caller, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}
