//! `/api/admin/users/{id}/api-keys`: an administrator lists and revokes the API keys of an account.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::access::permission;
use portcullis_flows::identity::account_change::{AccountChanges, ChangeError};
use portcullis_flows::machine::api_key::{ApiKeyChecks, ApiKeys};
use portcullis_web::{Body, Caller, Code, Guard, Limit, Method, Problem, Query, Route, blocking};

use super::{ApiKeyAnswer, ApiKeysAnswer, parsed};
use crate::identity::account_change::account;

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/users/{id}/api-keys",
    guard: Guard::permitted(&[permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the API keys of an account, the oldest first, also expired ones. The audit log records the access.
#[utoipa::path(get, path = LIST.path, operation_id = "listUserApiKeys", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 200, body = ApiKeysAnswer, description = "The keys, without their text")))]
pub(crate) async fn list(
    caller: Caller,
    request: HttpRequest,
    changes: web::Data<AccountChanges>,
    keys: web::Data<ApiKeys>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request)?;
    let id = account(&id)?;
    let list = move || {
        changes.read(&caller.0, id)?.ok_or(ChangeError::Unknown)?;
        Ok::<_, ChangeError>(keys.list(id)?)
    };
    let items = blocking(list).await?.into_iter().map(ApiKeyAnswer::from).collect();
    Ok(HttpResponse::Ok().json(ApiKeysAnswer { items }))
}

pub(crate) const REVOKE: Route = Route {
    method: Method::Delete,
    path: "/api/admin/users/{id}/api-keys/{key}",
    guard: Guard::permitted(&[permission::CHANGE_STATE]).recent(),
    limit: Limit::GENERAL,
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

/// Revokes an API key of an account: every node refuses it within a second.
#[utoipa::path(delete, path = REVOKE.path, operation_id = "revokeUserApiKey", tag = "users",
    params(
        ("id" = String, Path, description = "The account",
            example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11"),
        ("key" = String, Path, description = "The key",
            example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e16"),
    ),
    responses((status = 204, description = "The key is revoked")))]
pub(crate) async fn revoke(
    caller: Caller,
    changes: web::Data<AccountChanges>,
    checks: web::Data<ApiKeyChecks>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, key) = path.into_inner();
    let (id, key) = (account(&id)?, parsed(&key)?);
    let revoke = move || {
        let revoked = changes.revoke_api_key(&caller.0, id, key);
        checks.forget(key);
        revoked
    };
    blocking(revoke).await?;
    Ok(HttpResponse::NoContent().finish())
}
