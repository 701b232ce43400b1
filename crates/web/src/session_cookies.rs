//! Cookies of a session in a browser: set together, and deleted together.
//!
//! A refresh token works only with the binding cookie of its own session: with another one it counts as
//! stolen. So a new binding cookie never meets the refresh token of an earlier session in the same
//! browser, whichever surface has signed in: a response that sets the one also sets or deletes the other,
//! and the sign-in ends the earlier session, whose refresh token a script may still hold.

use actix_web::cookie::Cookie;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use portcullis_domain::{Delivery, ExposeSecret, SecretString};
use portcullis_flows::sign_in::BrowserCookies;
use portcullis_flows::sign_in::device::DEVICE_LIFETIME;
use portcullis_flows::sign_in::session_tokens::{AccessToken, SessionTokens};
use portcullis_token::OpaqueSecret;

use crate::cookies::{Name, cookie, forget, set};
use crate::problem::Problem;

/// The place of the refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshPlace {
    /// The body of the response, for scripts and programs.
    Body,
    /// A cookie that no script can read, for pages.
    Cookie,
}

/// Adds a cookie. This fails only for a value that no header may have, and no token has one.
pub fn add_cookie(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}

/// The cookies of a session that the browser presents with a sign-in.
///
/// # Errors
///
/// [`Code::AmbiguousCredentials`] if it presents two of one name.
///
/// [`Code::AmbiguousCredentials`]: crate::Code::AmbiguousCredentials
pub fn browser_cookies(request: &HttpRequest) -> Result<BrowserCookies, Problem> {
    Ok(BrowserCookies {
        device: cookie(request, Name::Device)?,
        session_binding: cookie(request, Name::Binding)?,
    })
}

/// Sets the cookies of the tokens of a session, and its new binding cookie if there is one. Tokens with
/// delivery `body` set none.
pub fn set_session(
    response: &mut HttpResponse,
    tokens: &SessionTokens,
    binding: Option<&OpaqueSecret>,
    place: RefreshPlace,
    secure: bool,
) {
    if tokens.session.delivery == Delivery::Cookie {
        let (token, max_age) = (tokens.access_token.expose_secret(), tokens.access_expires_in);
        add_cookie(response, &set(Name::AccessToken, token, max_age, secure));
        if place == RefreshPlace::Cookie {
            let (token, max_age) =
                (tokens.refresh_token.expose_secret(), tokens.refresh_expires_in);
            add_cookie(response, &set(Name::RefreshToken, token, max_age, secure));
        }
    }
    if let Some(binding) = binding {
        bind(response, tokens, binding.expose(), secure);
        if place == RefreshPlace::Body {
            add_cookie(response, &forget(Name::RefreshToken, secure));
        }
    }
}

/// Sets the binding cookie of a session.
pub fn bind(response: &mut HttpResponse, tokens: &SessionTokens, binding: &str, secure: bool) {
    let max_age = tokens.session.expires_at.since(tokens.session.authenticated_at);
    add_cookie(response, &set(Name::Binding, binding, max_age, secure));
}

/// Sets a further access token of a session, if it is one of cookies.
pub fn set_access(response: &mut HttpResponse, issued: &AccessToken, secure: bool) {
    if issued.session.delivery == Delivery::Cookie {
        let (token, max_age) = (issued.token.expose_secret(), issued.expires_in);
        add_cookie(response, &set(Name::AccessToken, token, max_age, secure));
    }
}

/// Sets the device cookie, if there is one.
pub fn remember_device(response: &mut HttpResponse, token: Option<&SecretString>, secure: bool) {
    if let Some(token) = token {
        let token = token.expose_secret();
        add_cookie(response, &set(Name::Device, token, DEVICE_LIFETIME, secure));
    }
}

/// Makes the browser delete the session and the data of its pages. It stays a known device.
pub fn forget_session(response: &mut HttpResponse, secure: bool) {
    for name in [Name::AccessToken, Name::Binding, Name::RefreshToken] {
        add_cookie(response, &forget(name, secure));
    }
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
}
