//! `POST /api/auth/password/change`: the caller changes its password.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::password_change::{PasswordChange, PasswordChangeRequest};
use portcullis_web::{
    Body, Caller, Code, CookieName, Guard, Hashing, Json, Limit, Method, Problem, Route,
    SecretText, Settings, cookie, origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sign_in::session_tokens::{self, TokensAnswer};

/// The current password and the one to replace it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChangeBody {
    /// As typed, at most 1,024 bytes.
    #[schema(value_type = String, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    current_password: SecretText,
    /// 12 to 256 characters by default, at most 1,024 bytes; any Unicode, spaces count. Not easy to
    /// guess, not common, not mainly a name, an email or the product: 422 names each rule that is
    /// broken.
    #[schema(value_type = String, max_length = 1024, example = "amber-walrus-paints-9-fences")]
    new_password: SecretText,
}

pub(crate) const CHANGE: Route = Route {
    method: Method::Post,
    path: "/api/auth/password/change",
    guard: Guard::SIGNED_IN,
    limit: Limit::Unlimited,
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

/// Changes the password, ends every session, and voids every device cookie; the client that asks goes
/// on with the tokens and cookies of this answer.
///
/// They belong to a new session with another `session_id`, delivered as those of the one before, whose
/// end it keeps. An account that had to change its password is free of that.
#[utoipa::path(post, path = CHANGE.path, tag = "auth",
    request_body = PasswordChangeBody,
    responses((status = 200, body = TokensAnswer, description = "Changed; fresh tokens")))]
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
    let mut response = session_tokens::tokens(&changed.tokens, secure);
    session_tokens::bind(&mut response, &changed.tokens, changed.binding.as_ref(), secure);
    session_tokens::remember_device(&mut response, changed.device_token.as_ref(), secure);
    Ok(response)
}
