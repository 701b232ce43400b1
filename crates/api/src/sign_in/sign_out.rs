//! `POST /api/auth/logout` and `/api/auth/logout/all`: sign-out.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::sign_in::sign_out::{SignOut, SignOutCredentials};
use portcullis_web::{
    BODY_LIMIT, Body, Caller, Code, CookieName, Guard, Json, Limit, Method, OptionalBody, Problem,
    Route, SecretText, SessionCredentials, Settings, blocking, forget_cookie, origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sign_in::session_tokens::add_cookie;

/// What a client may add that has no access token any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOutBody {
    /// From the last sign-in or refresh; expired or used ones name their session too.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    refresh_token: Option<SecretText>,
}

pub(crate) const LOGOUT: Route = Route {
    method: Method::Post,
    path: "/api/auth/logout",
    guard: Guard::SESSION_CREDENTIALS,
    limit: Limit::Unlimited,
    body: Body::OptionalJson(BODY_LIMIT),
    errors: &[Code::CsrfFailed, Code::OutcomeUnknown, Code::Unavailable],
};

/// Ends this session; its tokens are refused from the next request on.
///
/// By whatever the client still has of it: the access token, expired or not; the binding cookie; the
/// refresh token in the body. While the access token is alive, its cookie counts only with a CSRF
/// token; after that, cookies count from an allowed page alone. A browser forgets its cookies even if
/// the session had ended before.
#[utoipa::path(post, path = LOGOUT.path, tag = "auth",
    request_body = SignOutBody,
    responses((status = 204, description = "Signed out")))]
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
    limit: Limit::Unlimited,
    body: Body::None,
    errors: &[Code::CsrfFailed, Code::OutcomeUnknown, Code::Unavailable],
};

/// Ends every session of the account, this one included.
#[utoipa::path(post, path = LOGOUT_ALL.path, tag = "auth",
    responses((status = 204, description = "Signed out everywhere")))]
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
    forget_session(&mut response, settings);
    response
}

/// Makes the browser delete all that, whatever else the response is.
pub(crate) fn forget_session(response: &mut HttpResponse, settings: &Settings) {
    for name in [CookieName::AccessToken, CookieName::Binding] {
        add_cookie(response, &forget_cookie(name, settings.secure_cookies));
    }
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
}
