//! `POST /api/auth/password/change`: the caller changes its password.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::password_change::{PasswordChange, PasswordChangeRequest};
use portcullis_web::{
    Body, Caller, Code, CookieName, Guard, Hashing, Json, Limit, Method, Problem, Route,
    SecretText, Settings, cookie, origin, remember_device,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sign_in::session_tokens::{self, TokensAnswer};

/// The current password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChangeBody {
    /// The current password, at most 1,024 bytes.
    #[schema(value_type = String, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    current_password: SecretText,
    /// The new password: 12 to 256 characters by default, at most 1,024 bytes of Unicode, with
    /// spaces. It must not be easy to guess, be common, or consist mainly of a name, an email
    /// address or the product name. The error 422 lists every violated rule.
    #[schema(value_type = String, max_length = 1024, example = "amber-walrus-paints-9-fences")]
    new_password: SecretText,
}

pub(crate) const CHANGE: Route = Route {
    method: Method::Post,
    path: "/api/auth/password/change",
    guard: Guard::PASSWORD_CHANGE.recent_factor(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::UnacceptablePassword,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Changes the password of the caller, ends all of its sessions, and makes its device cookies
/// invalid.
///
/// The response contains tokens and cookies of a new session. The new session has another
/// `session_id`, and keeps the delivery and the expiry of the previous one. The account need not
/// change its password any more.
#[utoipa::path(post, path = CHANGE.path, operation_id = "changePassword", tag = "auth",
    request_body = PasswordChangeBody,
    responses((status = 200, body = TokensAnswer, description = "The tokens of the new session")))]
pub(crate) async fn change(
    caller: Caller,
    request: HttpRequest,
    password_change: web::Data<PasswordChange>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    body: Json<PasswordChangeBody>,
) -> Result<HttpResponse, Problem> {
    let (account, session) = caller.session()?;
    let wanted = PasswordChangeRequest {
        account,
        session,
        current: body.0.current_password.0,
        new: body.0.new_password.0,
        device_token: cookie(&request, CookieName::Device)?,
        origin: origin(&request),
    };
    let address = wanted.origin.address;
    let changed = hashing.run(address, move || password_change.change(&wanted)).await?;
    let secure = settings.secure_cookies;
    let mut response = session_tokens::bound(&changed.tokens, changed.binding.as_ref(), secure);
    remember_device(&mut response, changed.device_token.as_ref(), secure);
    Ok(response)
}
