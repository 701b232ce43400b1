//! `POST /api/auth/me/delete` and `DELETE /api/admin/users/{id}`: deletion of accounts.

use actix_web::{HttpResponse, web};
use portcullis_flows::access::permission;
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::identity::account_deletion::{AccountDeletions, OwnDeletion};
use portcullis_web::{
    Body, Caller, Code, Guard, Hashing, Json, Limit, Method, Problem, Route, SecretText, Settings,
    blocking,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::account_change::account;
use crate::sign_in::reauthentication::current;
use crate::sign_in::sign_out::signed_out;

/// The proof for the deletion of the own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "current_password": "violet-otter-plays-7-cellos" }))]
pub(crate) struct DeletionBody {
    /// The current password, at most 1,024 bytes.
    #[schema(value_type = Option<String>, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    current_password: Option<SecretText>,
    /// For an account without a password: the result of `navigator.credentials.get` with the options of
    /// `/api/auth/mfa/step-up/options`, by its method `toJSON`.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

pub(crate) const DELETE_OWN: Route = Route {
    method: Method::Post,
    path: "/api/auth/me/delete",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::DeletionNotAllowed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::LastAdministrator,
        Code::MatrixSuperseded,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Deletes the account of the caller, with its sessions, for good.
///
/// The user name and the email address become free. The audit log keeps its entries, by the id of
/// the account. The owner of the address gets a mail.
#[utoipa::path(post, path = DELETE_OWN.path, operation_id = "deleteOwnAccount", tag = "auth",
    request_body = DeletionBody,
    responses((status = 204, description = "The account is deleted")))]
pub(crate) async fn delete_own(
    caller: Caller,
    deletion: web::Data<OwnDeletion>,
    accounts: web::Data<Accounts>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    body: Json<DeletionBody>,
) -> Result<HttpResponse, Problem> {
    let account = caller.account()?;
    let address = caller.0.origin.address;
    let current = current(body.0.current_password, body.0.credential.as_ref())?;
    hashing.run(address, move || deletion.delete(&caller.0, current)).await?;
    accounts.forget(account);
    Ok(signed_out(&settings))
}

pub(crate) const DELETE: Route = Route {
    method: Method::Delete,
    path: "/api/admin/users/{id}",
    guard: Guard::permitted(&[permission::DELETE_ACCOUNT]).recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::OwnAccount,
        Code::LastAdministrator,
        Code::MatrixSuperseded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Deletes an account, with its sessions, for good.
///
/// The user name and the email address become free. The audit log keeps its entries, by the id of
/// the account. The owner of the address gets a mail.
#[utoipa::path(delete, path = DELETE.path, operation_id = "deleteUser", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 204, description = "The account is deleted")))]
pub(crate) async fn delete(
    caller: Caller,
    deletions: web::Data<AccountDeletions>,
    accounts: web::Data<Accounts>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (caller, id) = (caller.0, account(&id)?);
    blocking(move || deletions.delete(&caller, id)).await?;
    accounts.forget(id);
    Ok(HttpResponse::NoContent().finish())
}
