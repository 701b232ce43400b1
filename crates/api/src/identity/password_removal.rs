//! `POST /api/auth/password/remove`: the caller gives up its password and keeps its passkeys.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::password_removal::PasswordRemovals;
use portcullis_web::{Body, Caller, Code, Guard, Hashing, Json, Limit, Method, Problem, Route};

use crate::sign_in::reauthentication::CurrentCredentialBody;

pub(crate) const REMOVE: Route = Route {
    method: Method::Post,
    path: "/api/auth/password/remove",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoPasskeyAlone,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Removes the password of the caller, which then signs in with a passkey only. Ends all of its other sessions.
///
/// The account must have a passkey that verifies its user. A reset link by mail gives it a password again.
#[utoipa::path(post, path = REMOVE.path, operation_id = "removePassword", tag = "auth",
    request_body = CurrentCredentialBody,
    responses((status = 204, description = "The account has no password")))]
pub(crate) async fn remove(
    caller: Caller,
    request: HttpRequest,
    removals: web::Data<PasswordRemovals>,
    hashing: Hashing,
    body: Json<CurrentCredentialBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.0.request(&caller, &request)?;
    let address = wanted.origin.address;
    hashing.run(address, move || removals.remove(&wanted)).await?;
    Ok(HttpResponse::NoContent().finish())
}
