//! Delivery of session tokens: in the body of a response, and in cookies.

use actix_web::HttpResponse;
use portcullis_domain::{Delivery, ExposeSecret};
use portcullis_flows::sign_in::SignedIn;
use portcullis_flows::sign_in::session_tokens::SessionTokens;
use portcullis_token::OpaqueSecret;
use portcullis_web::{RefreshPlace, remember_device, set_session};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::AccountAnswer;
use crate::token_type::{self, TokenType};

/// The tokens of a session. With delivery `cookie`, the access token is only in a cookie.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokensAnswer<'a> {
    /// The refresh token. It works once; in a browser it requires the binding cookie.
    #[schema(example = "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    refresh_token: String,
    #[schema(schema_with = token_type::bearer)]
    token_type: TokenType,
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

/// The response to a refresh, with the access token in the place that the delivery of the session sets.
pub(crate) fn tokens(tokens: &SessionTokens, secure: bool) -> HttpResponse {
    bound(tokens, None, secure)
}

/// As [`tokens`], with the binding cookie of a new session.
pub(crate) fn bound(
    tokens: &SessionTokens,
    binding: Option<&OpaqueSecret>,
    secure: bool,
) -> HttpResponse {
    let in_body = tokens.session.delivery == Delivery::Body;
    let mut response = HttpResponse::Ok().json(TokensAnswer {
        refresh_token: tokens.refresh_token.expose_secret().to_owned(),
        token_type: TokenType::Bearer,
        expires_in: tokens.access_expires_in.as_secs(),
        session_id: tokens.session.id.to_string(),
        account: AccountAnswer::from(&tokens.account),
        access_token: in_body.then(|| tokens.access_token.expose_secret().to_owned()),
    });
    set_session(&mut response, tokens, binding, RefreshPlace::Body, secure);
    response
}

/// The tokens of a new session, with the cookies of the browser.
pub(crate) fn signed_in(signed_in: &SignedIn, secure: bool) -> HttpResponse {
    let SignedIn { tokens, binding, device_token } = signed_in;
    let mut response = bound(tokens, binding.as_ref(), secure);
    remember_device(&mut response, device_token.as_ref(), secure);
    response
}
