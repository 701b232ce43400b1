//! `/console/sign-out`: ends the session of this browser.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::sign_in::sign_out::{SignOut, SignOutCredentials};
use portcullis_web::{
    Body, Code, CookieName, Form, Guard, Limit, Method, Problem, Route, SessionCredentials,
    Settings, blocking, cookie, forget_session, origin,
};
use serde::Deserialize;

use super::first_step;
use crate::form_page::MessagePage;
use crate::page::{Frame, page, see};
use crate::paths;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SIGNED_OUT: Route = Route { path: paths::SIGN_OUT, ..first_step::SHOW };

/// Says that the session has ended.
pub(crate) async fn signed_out(site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    let t = &ENGLISH;
    let frame = Frame::new(&site, t.signed_out_title);
    let (text, action) = (t.signed_out_text, t.signed_out_action);
    page(&MessagePage { frame, text, action, path: paths::SIGN_IN })
}

/// The form. Its CSRF token is checked before, as long as the access token is valid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOutForm {
    #[serde(default, rename = "csrf_token")]
    _csrf_token: Option<String>,
}

pub(crate) const SIGN_OUT: Route = Route {
    method: Method::Post,
    path: SIGNED_OUT.path,
    guard: Guard::SESSION_CREDENTIALS,
    limit: Limit::GENERAL,
    body: Body::FORM,
    errors: &[Code::CsrfFailed, Code::OutcomeUnknown, Code::Unavailable],
};

/// Ends the session, by whichever of its credentials the browser still has.
pub(crate) async fn sign_out(
    session_credentials: SessionCredentials,
    request: HttpRequest,
    sign_out: web::Data<SignOut>,
    settings: web::Data<Settings>,
    _form: Form<SignOutForm>,
) -> Result<HttpResponse, Problem> {
    let SessionCredentials { access, binding, otherwise } = session_credentials;
    // Without the binding, the request may come from any page.
    let refresh_token = cookie(&request, CookieName::RefreshToken)?;
    let refresh_token = refresh_token.filter(|_| binding.is_some());
    let credentials = SignOutCredentials { access, refresh_token, binding };
    let origin = origin(&request);
    let has_ended = blocking(move || sign_out.sign_out_by(&credentials, &origin)).await?;
    if let Some(code) = otherwise.filter(|_| !has_ended) {
        return Err(Problem::new(code));
    }
    let mut response = see(SIGNED_OUT.path);
    forget_session(&mut response, settings.secure_cookies);
    Ok(response)
}
