//! `POST /api/auth/logout` and `/api/auth/logout/all`.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};

use crate::blocking::blocking;
use crate::cookies::{self, Name};
use crate::guard::Authenticated;
use crate::origin;
use crate::problem::{Code, Problem};
use crate::server::Settings;
use crate::services::Services;
use crate::sign_in::add_cookie;

/// How it can fail, apart from what its guard and its body refuse.
pub(crate) const ERRORS: &[Code] = &[Code::CsrfFailed, Code::Unavailable];

/// Ends this session; its tokens are refused from the next request on.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth",
    responses((status = 204, description = "Signed out")))]
pub(crate) async fn logout(
    guard: Authenticated,
    request: HttpRequest,
    services: web::Data<Services>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let origin = origin::of(&request);
    let Authenticated { account, session } = guard;
    blocking(move || services.sign_out.sign_out(account, session, &origin)).await?;
    Ok(signed_out(&settings))
}

/// Ends every session of the account, this one included.
#[utoipa::path(post, path = "/api/auth/logout/all", tag = "auth",
    responses((status = 204, description = "Signed out everywhere")))]
pub(crate) async fn logout_all(
    guard: Authenticated,
    request: HttpRequest,
    services: web::Data<Services>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let origin = origin::of(&request);
    let Authenticated { account, session } = guard;
    blocking(move || services.sign_out.sign_out_everywhere(account, session, &origin)).await?;
    Ok(signed_out(&settings))
}

/// The browser forgets the session and what pages have stored, but stays a known device.
pub(crate) fn signed_out(settings: &Settings) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    for name in [Name::AccessToken, Name::Binding] {
        add_cookie(&mut response, &cookies::forget(name, settings.secure_cookies));
    }
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    response
}
