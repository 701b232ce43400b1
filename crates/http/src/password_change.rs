//! `POST /api/auth/password/change`.

use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use portcullis_flows::password_change::PasswordChangeRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::blocking::hashing;
use crate::body::Json;
use crate::guard::Authenticated;
use crate::origin;
use crate::problem::{Code, Problem};
use crate::services::Services;
use crate::text::SecretText;

/// The current password and the one to replace it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChangeBody {
    /// As typed.
    #[schema(value_type = String, example = "violet-otter-plays-7-cellos")]
    current_password: SecretText,
    /// 12 to 256 characters by default; any Unicode, spaces count.
    #[schema(value_type = String, example = "amber-walrus-paints-9-fences")]
    new_password: SecretText,
}

/// How it can fail, apart from what its guard and its body refuse.
pub(crate) const ERRORS: &[Code] = &[
    Code::CsrfFailed,
    Code::WrongPassword,
    Code::PasswordTooLong,
    Code::UnacceptablePassword,
    Code::Overloaded,
    Code::Unavailable,
];

/// Changes the password and ends every other session.
///
/// An account that had to change its password is free of that with the next refresh.
#[utoipa::path(post, path = "/api/auth/password/change", tag = "auth",
    request_body = PasswordChangeBody,
    responses((status = 204, description = "Changed")))]
pub(crate) async fn change(
    guard: Authenticated,
    request: HttpRequest,
    services: web::Data<Services>,
    body: Json<PasswordChangeBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = PasswordChangeRequest {
        account: guard.account,
        session: guard.session,
        current: body.0.current_password.0,
        new: body.0.new_password.0,
        origin: origin::of(&request),
    };
    hashing(services, move |services| services.password_change.change(&wanted)).await?;
    Ok(HttpResponse::NoContent().finish())
}
