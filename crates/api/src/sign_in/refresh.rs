//! `POST /api/auth/refresh`: refresh token rotation.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::sign_in::refresh::{Refresh, RefreshRequest};
use portcullis_web::{
    Body, Code, CookieName, Guard, Json, Limit, Method, Problem, Route, SecretText, Settings,
    blocking, cookie, origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sign_in::session_tokens::{self, TokensAnswer};

/// The refresh token. A browser adds the binding cookie.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// The refresh token of the latest sign-in or refresh.
    #[schema(value_type = String, example = "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    refresh_token: SecretText,
}

pub(crate) const REFRESH: Route = Route {
    method: Method::Post,
    path: "/api/auth/refresh",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidRefreshToken,
        Code::RefreshTokenReused,
        Code::OutsideNetworks,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Exchanges a refresh token for the next one and a new access token.
///
/// A retry after a lost response returns the same next refresh token, as long as that token is
/// unused: for a browser without a time limit, for a client without cookies within
/// `sessions.rotation_grace_seconds`. Any other reuse of a refresh token ends sessions.
#[utoipa::path(post, path = REFRESH.path, operation_id = "refreshTokens", tag = "auth",
    request_body = RefreshBody,
    responses((status = 200, body = TokensAnswer, description = "The new tokens")))]
pub(crate) async fn refresh(
    request: HttpRequest,
    refresh: web::Data<Refresh>,
    settings: web::Data<Settings>,
    body: Json<RefreshBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = RefreshRequest {
        refresh_token: body.0.refresh_token.0,
        binding: cookie(&request, CookieName::Binding)?,
        origin: origin(&request),
    };
    let tokens = blocking(move || refresh.refresh(&wanted)).await?;
    Ok(session_tokens::tokens(&tokens, settings.secure_cookies))
}
