//! `/api/admin/users/{id}`: an administrator reads an account, changes it and ends its sessions.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use portcullis_domain::AccountId;
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::access::permission;
use portcullis_flows::identity::account_change::{AccountChanges, AccountPatch, ChangeError};
use portcullis_web::{
    Body, Caller, Code, FieldProblem, Guard, Json, Limit, Method, Priority, Problem, Route,
    ShortText, blocking, permit,
};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::answer::{AccountAnswer, account_response};

/// Changes to an account. A field that is left out does not change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub(crate) struct UserChangeBody {
    /// The new role, from the access matrix. Requires the permission `user:approve`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 256, example = "coordinator")]
    role: Option<ShortText>,
    /// True if the account can be used. False ends all of its sessions. Requires the permission
    /// `user:update`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = true)]
    is_active: Option<bool>,
    /// True: the holder must change the password before anything else. Requires the permission `user:update`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = true)]
    password_must_change: Option<bool>,
}

pub(crate) const READ: Route = Route {
    method: Method::Get,
    path: "/api/admin/users/{id}",
    guard: Guard::permitted(&[permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Returns one account. The audit log records the access.
#[utoipa::path(get, path = READ.path, operation_id = "getUser", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 200, body = AccountAnswer, description = "The account")))]
pub(crate) async fn read(
    caller: Caller,
    account_changes: web::Data<AccountChanges>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = account(&id)?;
    let found = blocking(move || account_changes.read(&caller.0, id)).await?;
    let found = found.ok_or(ChangeError::Unknown)?;
    Ok(account_response(StatusCode::OK, &found))
}

pub(crate) const CHANGE: Route = Route {
    method: Method::Patch,
    path: "/api/admin/users/{id}",
    guard: Guard::permitted(&[permission::READ_ACCOUNT]).recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::Forbidden,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::OwnAccount,
        Code::LastAdministrator,
        Code::RoleJustChanged,
        Code::MatrixSuperseded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Changes the role of an account, its active state, or demands a change of its password.
///
/// Requires the permission for each change, and `user:read`, because the response contains the
/// account. After a change of the role, access tokens with the previous role are refused; the next
/// refresh issues one with the new role. In the same way a session learns that the password must be
/// changed. An inactive account has no sessions. Activation does not restore them.
#[utoipa::path(patch, path = CHANGE.path, operation_id = "updateUser", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    request_body = UserChangeBody,
    responses((status = 200, body = AccountAnswer, description = "The changed account")))]
pub(crate) async fn change(
    caller: Caller,
    decisions: web::Data<Decisions>,
    account_changes: web::Data<AccountChanges>,
    id: web::Path<String>,
    body: Json<UserChangeBody>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.0;
    let UserChangeBody { role, is_active, password_must_change } = body.0;
    if password_must_change == Some(false) {
        let message = "use true: only the holder ends it, by a new password";
        let field = "password_must_change".to_owned();
        return Err(Problem::invalid(vec![FieldProblem::new(field, "not_allowed", message)]));
    }
    let demands_password = password_must_change.is_some();
    let patch = AccountPatch { role: role.map(|role| role.0), is_active, demands_password };
    if patch.takes().is_empty() {
        let message = "set role, is_active or password_must_change";
        return Err(Problem::invalid(vec![FieldProblem::new(String::new(), "missing", message)]));
    }
    permit(&decisions, &caller, &patch.takes()).await?;
    let id = account(&id)?;
    let changed = blocking(move || account_changes.change(&caller, id, &patch)).await?;
    Ok(account_response(StatusCode::OK, &changed))
}

pub(crate) const END_SESSIONS: Route = Route {
    method: Method::Delete,
    path: "/api/admin/users/{id}/sessions",
    guard: Guard::permitted(&[permission::END_SESSIONS]).recent(),
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::MatrixSuperseded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Ends all sessions of an account.
#[utoipa::path(delete, path = END_SESSIONS.path, operation_id = "endUserSessions", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 204, description = "The sessions have ended")))]
pub(crate) async fn end_sessions(
    caller: Caller,
    account_changes: web::Data<AccountChanges>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (caller, id) = (caller.0, account(&id)?);
    blocking(move || account_changes.end_sessions(&caller, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(crate) const END_SESSION: Route = Route {
    method: Method::Delete,
    path: "/api/admin/users/{id}/sessions/{session}",
    guard: Guard::permitted(&[permission::END_SESSIONS]).recent(),
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::MatrixSuperseded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Ends one session of an account.
///
/// This node refuses its tokens from the next request on, other nodes within one second.
#[utoipa::path(delete, path = END_SESSION.path, operation_id = "endUserSession", tag = "users",
    params(
        ("id" = String, Path, description = "The account",
            example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11"),
        ("session" = String, Path, description = "The session",
            example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12"),
    ),
    responses((status = 204, description = "The session has ended")))]
pub(crate) async fn end_session(
    caller: Caller,
    account_changes: web::Data<AccountChanges>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, session) = path.into_inner();
    let (caller, id) = (caller.0, account(&id)?);
    let session = session.parse().map_err(|_| Problem::new(Code::NotFound))?;
    blocking(move || account_changes.end_session(&caller, id, session)).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(crate) const RESET_FACTORS: Route = Route {
    method: Method::Delete,
    path: "/api/admin/users/{id}/mfa",
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

/// Removes all second factors of an account whose owner has lost them, and ends its sessions.
///
/// The owner is informed by mail, and signs in with the password alone until another factor is enrolled.
#[utoipa::path(delete, path = RESET_FACTORS.path, operation_id = "resetUserFactors", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 204, description = "The account has no second factor")))]
pub(crate) async fn reset_factors(
    caller: Caller,
    account_changes: web::Data<AccountChanges>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (caller, id) = (caller.0, account(&id)?);
    blocking(move || account_changes.reset_factors(&caller, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A field that is present has a value: null would neither be a change nor mean "absent".
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

pub(crate) fn account(id: &str) -> Result<AccountId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NotFound))
}
