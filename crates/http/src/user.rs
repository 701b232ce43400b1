//! `/api/admin/users/{id}`: an account as administrators see and change it.

use actix_web::{HttpResponse, web};
use portcullis_domain::AccountId;
use portcullis_flows::account_change::{ChangeError, Wish};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::answer::AccountAnswer;
use crate::blocking::blocking;
use crate::body::Json;
use crate::guard::{EndSessions, Permitted, ReadUsers, Recent, permit};
use crate::problem::{Code, FieldProblem, Problem};
use crate::services::Services;
use crate::text::ShortText;

/// What shall be different; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub(crate) struct UserChangeBody {
    /// A role of the access matrix. To give one takes the permission `user:approve`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 256, example = "coordinator")]
    role: Option<ShortText>,
    /// Whether the account may be used. Without it all sessions end. To decide it takes the
    /// permission `user:update`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = true)]
    is_active: Option<bool>,
}

/// How reading can fail, apart from what its guard refuses.
pub(crate) const READ_ERRORS: &[Code] = &[Code::NotFound, Code::OutcomeUnknown, Code::Unavailable];

/// How changing can fail, apart from what its guard and its body refuse.
pub(crate) const CHANGE_ERRORS: &[Code] = &[
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
];

/// How ending sessions can fail, apart from what its guard refuses.
pub(crate) const END_SESSIONS_ERRORS: &[Code] = &[
    Code::CsrfFailed,
    Code::NotFound,
    Code::AboveOwnRole,
    Code::MatrixSuperseded,
    Code::OutcomeUnknown,
    Code::Unavailable,
];

/// One account. That it was read is recorded.
#[utoipa::path(get, path = "/api/admin/users/{id}", operation_id = "read_user", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 200, body = AccountAnswer, description = "The account")))]
pub(crate) async fn read(
    guard: Permitted<ReadUsers>,
    services: web::Data<Services>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = account(&id)?;
    let found = blocking(move || services.account_changes.read(&guard.caller, id)).await?;
    let found = found.ok_or(ChangeError::Unknown)?;
    Ok(HttpResponse::Ok().json(AccountAnswer::from(&found)))
}

/// Changes an account's role, or whether it is active.
///
/// The answer shows the account, so this takes `user:read` beside the permission for each change.
/// With another role, access tokens that carry the old one are refused, and the next refresh brings
/// the new one. An account that is not active has no sessions; making it active again does not bring
/// them back.
#[utoipa::path(patch, path = "/api/admin/users/{id}", operation_id = "change_user", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    request_body = UserChangeBody,
    responses((status = 200, body = AccountAnswer, description = "The account as it is now")))]
pub(crate) async fn change(
    guard: Recent<Permitted<ReadUsers>>,
    services: web::Data<Services>,
    id: web::Path<String>,
    body: Json<UserChangeBody>,
) -> Result<HttpResponse, Problem> {
    let caller = guard.0.caller;
    let wish = Wish { role: body.0.role.map(|role| role.0), is_active: body.0.is_active };
    if wish.takes().is_empty() {
        let message = "name what shall be different: role, is_active, or both";
        return Err(Problem::invalid(vec![FieldProblem::new(String::new(), "missing", message)]));
    }
    permit(&services, &caller, &wish.takes()).await?;
    let id = account(&id)?;
    let changed = blocking(move || services.account_changes.change(&caller, id, &wish)).await?;
    Ok(HttpResponse::Ok().json(AccountAnswer::from(&changed)))
}

/// Ends every session of an account, whoever's it is.
#[utoipa::path(delete, path = "/api/admin/users/{id}/sessions", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 204, description = "Ended")))]
pub(crate) async fn end_sessions(
    guard: Recent<Permitted<EndSessions>>,
    services: web::Data<Services>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (caller, id) = (guard.0.caller, account(&id)?);
    blocking(move || services.account_changes.end_sessions(&caller, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A field that is there has a value: null would be neither a change nor left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn account(id: &str) -> Result<AccountId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NotFound))
}
