//! Delivery of session tokens: in the body of a response, and in cookies.

use actix_web::HttpResponse;
use portcullis_domain::{Delivery, ExposeSecret, SecretString};
use portcullis_flows::sign_in::SignedIn;
use portcullis_flows::sign_in::device::DEVICE_LIFETIME;
use portcullis_flows::sign_in::session_tokens::SessionTokens;
use portcullis_token::OpaqueSecret;
use portcullis_web::{CookieName, set_cookie};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::AccountAnswer;

/// The tokens of a session. With delivery `cookie`, the access token is only in a cookie.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokensAnswer<'a> {
    /// The refresh token. It works once; in a browser it requires the binding cookie.
    #[schema(example = "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    refresh_token: String,
    /// Always `Bearer` (RFC 6750).
    #[schema(pattern = "^Bearer$", example = "Bearer")]
    token_type: &'static str,
    /// The time until the access token expires, in seconds.
    #[schema(example = 1800)]
    expires_in: u64,
    /// The id of the session.
    #[schema(example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    session_id: String,
    account: AccountAnswer<'a>,
    /// The access token; only with delivery `body`.
    #[schema(
        nullable = false,
        example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
}

/// The response to a sign-in or a refresh, with the access token in the place that the session's
/// delivery sets.
pub(crate) fn tokens(tokens: &SessionTokens, secure: bool) -> HttpResponse {
    let in_body = tokens.session.delivery == Delivery::Body;
    let mut response = HttpResponse::Ok().json(TokensAnswer {
        refresh_token: tokens.refresh_token.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: tokens.access_expires_in.as_secs(),
        session_id: tokens.session.id.to_string(),
        account: AccountAnswer::from(&tokens.account),
        access_token: in_body.then(|| tokens.access_token.expose_secret().to_owned()),
    });
    if !in_body {
        let (token, max_age) = (tokens.access_token.expose_secret(), tokens.access_expires_in);
        let cookie = set_cookie(CookieName::AccessToken, token, max_age, secure);
        add_cookie(&mut response, &cookie);
    }
    response
}

/// The tokens of a new session, with the cookies of the browser.
pub(crate) fn signed_in(signed_in: &SignedIn, secure: bool) -> HttpResponse {
    let SignedIn { tokens, binding, device_token } = signed_in;
    let mut response = self::tokens(tokens, secure);
    bind(&mut response, tokens, binding.as_ref(), secure);
    remember_device(&mut response, device_token.as_ref(), secure);
    response
}

/// Adds a cookie. This fails only for a value that no header may have, and no token has one.
pub(crate) fn add_cookie(response: &mut HttpResponse, cookie: &actix_web::cookie::Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}

/// Sets the binding cookie of a session, if it has one.
pub(crate) fn bind(
    response: &mut HttpResponse,
    tokens: &SessionTokens,
    binding: Option<&OpaqueSecret>,
    secure: bool,
) {
    if let Some(binding) = binding {
        let max_age = tokens.session.expires_at.since(tokens.session.authenticated_at);
        add_cookie(response, &set_cookie(CookieName::Binding, binding.expose(), max_age, secure));
    }
}

/// Sets the device cookie, if there is one.
pub(crate) fn remember_device(
    response: &mut HttpResponse,
    token: Option<&SecretString>,
    secure: bool,
) {
    if let Some(token) = token {
        let token = token.expose_secret();
        add_cookie(response, &set_cookie(CookieName::Device, token, DEVICE_LIFETIME, secure));
    }
}
