//! `POST /api/auth/logout` and `/api/auth/logout/all`: sign-out.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::sign_in::sign_out::{SignOut, SignOutCredentials};
use portcullis_web::{
    BODY_LIMIT, Body, Caller, Code, Guard, Json, Limit, Method, OptionalBody, Priority, Problem,
    Route, SecretText, SessionCredentials, Settings, blocking, forget_session, origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// The refresh token of a client without a valid access token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOutBody {
    /// A refresh token of the session. Expired and used tokens are accepted too.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    refresh_token: Option<SecretText>,
}

pub(crate) const LOGOUT: Route = Route {
    method: Method::Post,
    path: "/api/auth/logout",
    guard: Guard::SESSION_CREDENTIALS,
    limit: Limit::GENERAL,
    body: Body::OptionalJson(BODY_LIMIT),
    errors: &[Code::CsrfFailed, Code::OutcomeUnknown, Code::Unavailable],
};

/// Ends the session of the client. Its tokens are refused from the next request on.
///
/// One credential of the session is enough: the access token, also if it has expired; the binding
/// cookie; or the refresh token in the body. A cookie with a valid access token requires a CSRF
/// token. Any other cookie requires an allowed origin of the page. The browser deletes its cookies
/// even if the session had ended before.
#[utoipa::path(post, path = LOGOUT.path, operation_id = "signOut", tag = "auth",
    request_body = SignOutBody,
    responses((status = 204, description = "The session has ended")))]
pub(crate) async fn logout(
    session_credentials: SessionCredentials,
    request: HttpRequest,
    sign_out: web::Data<SignOut>,
    settings: web::Data<Settings>,
    body: OptionalBody<Json<SignOutBody>>,
) -> Result<HttpResponse, Problem> {
    let origin = origin(&request);
    let refresh_token = body.0.and_then(|body| body.0.refresh_token).map(|token| token.0);
    let SessionCredentials { access, binding, otherwise } = session_credentials;
    let otherwise = otherwise.filter(|_| refresh_token.is_none());
    let session_credentials = SignOutCredentials { access, refresh_token, binding };
    let has_ended = blocking(move || sign_out.sign_out_by(&session_credentials, &origin)).await?;
    match otherwise {
        Some(code) if !has_ended => Err(Problem::new(code)),
        _ => Ok(signed_out(&settings)),
    }
}

pub(crate) const LOGOUT_ALL: Route = Route {
    method: Method::Post,
    path: "/api/auth/logout/all",
    guard: Guard::SIGNED_IN,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[Code::CsrfFailed, Code::OutcomeUnknown, Code::Unavailable],
};

/// Ends all sessions of the caller, the session of this request too.
#[utoipa::path(post, path = LOGOUT_ALL.path, operation_id = "signOutEverywhere", tag = "auth",
    responses((status = 204, description = "The sessions have ended")))]
pub(crate) async fn logout_all(
    caller: Caller,
    request: HttpRequest,
    sign_out: web::Data<SignOut>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let origin = origin(&request);
    let (account, session) = caller.session()?;
    blocking(move || sign_out.sign_out_everywhere(account, session, &origin)).await?;
    Ok(signed_out(&settings))
}

/// The response after a sign-out: the browser deletes the session and the data of its pages, but
/// stays a known device.
pub(crate) fn signed_out(settings: &Settings) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    forget_session(&mut response, settings.secure_cookies);
    response
}
