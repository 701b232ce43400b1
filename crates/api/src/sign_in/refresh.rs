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

/// The refresh token; a browser sends the binding cookie along by itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// From the last sign-in or refresh.
    #[schema(value_type = String, example = "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    refresh_token: SecretText,
}

pub(crate) const REFRESH: Route = Route {
    method: Method::Post,
    path: "/api/auth/refresh",
    guard: Guard::PUBLIC,
    limit: Limit::Unlimited,
    body: Body::JSON,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidRefreshToken,
        Code::RefreshTokenReused,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Exchanges a refresh token for its one successor and a fresh access token.
///
/// A lost answer is repeated: while the successor is unused, the same browser gets the same successor
/// again, however late, and a client without cookies within `sessions.rotation_grace_seconds`. Any
/// other use of a spent token ends sessions.
#[utoipa::path(post, path = REFRESH.path, tag = "auth",
    request_body = RefreshBody,
    responses((status = 200, body = TokensAnswer, description = "Fresh tokens")))]
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
