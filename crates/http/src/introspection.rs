//! `POST /api/auth/introspect` (RFC 7662) and `POST /api/auth/revoke` (RFC 7009).

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{AccountKind, ExposeSecret};
use portcullis_flows::introspection::LiveToken;
use portcullis_token::{AuthenticationMethod, TokenAuthority};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::blocking::blocking;
use crate::body::Form;
use crate::guard::{Public, Service};
use crate::origin;
use crate::problem::{Code, Problem};
use crate::services::Services;
use crate::text::{SecretText, ShortText};

/// A token, of whatever kind.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenForm {
    /// An access token or a refresh token.
    #[schema(value_type = String, example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    token: SecretText,
    /// Which of the two it may be; tokens say so themselves.
    #[expect(dead_code, reason = "standard clients send it")]
    #[schema(value_type = Option<String>, example = "access_token")]
    token_type_hint: Option<ShortText>,
}

/// What is known of a token (RFC 7662 section 2.2); of one that is not alive, nothing but that.
#[derive(Serialize, ToSchema)]
pub(crate) struct IntrospectionAnswer {
    /// Whether the token is alive: issued here, not expired, not revoked, and a refresh token not
    /// used yet.
    #[schema(example = true)]
    active: bool,
    #[serde(flatten)]
    claims: Option<ClaimsAnswer>,
}

/// The claims of a token that is alive. Times are seconds since 1970.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimsAnswer {
    /// `Bearer` for access tokens, `refresh_token` for refresh tokens.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    #[schema(example = "https://auth.example.org")]
    iss: String,
    /// Of access tokens.
    #[schema(example = "portcullis")]
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    /// The account.
    #[schema(example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    sub: String,
    /// The session.
    #[schema(example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    sid: String,
    #[schema(example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    jti: String,
    #[schema(example = 1_800_000_000)]
    iat: i64,
    #[schema(example = 1_800_001_800)]
    exp: i64,
    #[serde(flatten)]
    access: Option<AccessAnswer>,
}

/// What only access tokens say.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccessAnswer {
    /// The role of the access matrix.
    #[schema(example = "msa")]
    role: String,
    /// `user`, `developer` or `service`.
    #[schema(value_type = String, example = "user")]
    kind: AccountKind,
    /// How the person signed in (RFC 8176).
    #[schema(value_type = Vec<String>, example = json!(["pwd"]))]
    amr: Vec<AuthenticationMethod>,
    #[schema(example = 1_800_000_000)]
    auth_time: i64,
    /// Whether the person may do nothing but change the password.
    #[schema(example = false)]
    password_must_change: bool,
}

/// How introspection can fail, apart from what its guard and its body refuse.
pub(crate) const INTROSPECT_ERRORS: &[Code] = &[Code::Unavailable];

/// How revoking can fail, apart from what its guard and its body refuse.
pub(crate) const REVOKE_ERRORS: &[Code] = &[Code::Unavailable];

/// What a token is worth, for services that cannot check it themselves.
#[utoipa::path(post, path = "/api/auth/introspect", tag = "services",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = IntrospectionAnswer, description = "Alive or not",
        example = json!({
            "active": true, "token_type": "Bearer", "iss": "https://auth.example.org",
            "aud": "portcullis", "sub": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11",
            "sid": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12",
            "jti": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13", "iat": 1_800_000_000,
            "exp": 1_800_001_800, "role": "msa", "kind": "user", "amr": ["pwd"],
            "auth_time": 1_800_000_000, "password_must_change": false }))))]
pub(crate) async fn introspect(
    _: Service,
    services: web::Data<Services>,
    form: Form<TokenForm>,
) -> Result<HttpResponse, Problem> {
    let token = form.0.token.0;
    let asked = services.clone();
    let ask = move || asked.introspection.introspect(token.expose_secret());
    let claims = blocking(ask).await?.map(|token| describe(token, &services.authority));
    Ok(HttpResponse::Ok().json(IntrospectionAnswer { active: claims.is_some(), claims }))
}

/// Ends a token that its holder does not need any more: an access token alone, a refresh token
/// together with its session. The answer is the same if there was nothing to end.
#[utoipa::path(post, path = "/api/auth/revoke", tag = "auth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token is not alive any more")))]
pub(crate) async fn revoke(
    _: Public,
    request: HttpRequest,
    services: web::Data<Services>,
    form: Form<TokenForm>,
) -> Result<HttpResponse, Problem> {
    let origin = origin::of(&request);
    let token = form.0.token.0;
    blocking(move || services.introspection.revoke(token.expose_secret(), &origin)).await?;
    Ok(HttpResponse::Ok().finish())
}

fn describe(token: LiveToken, authority: &TokenAuthority) -> ClaimsAnswer {
    let iss = authority.issuer().to_owned();
    match token {
        LiveToken::Access(claims) => ClaimsAnswer {
            token_type: "Bearer",
            iss,
            aud: Some(authority.audience().to_owned()),
            sub: claims.subject.to_string(),
            sid: claims.session.to_string(),
            jti: claims.token.to_string(),
            iat: claims.issued_at.as_seconds(),
            exp: claims.expires_at.as_seconds(),
            access: Some(AccessAnswer {
                role: claims.role.as_str().to_owned(),
                kind: claims.kind,
                amr: claims.authentication_methods,
                auth_time: claims.authenticated_at.as_seconds(),
                password_must_change: claims.password_must_change,
            }),
        },
        LiveToken::Refresh(claims) => ClaimsAnswer {
            token_type: "refresh_token",
            iss,
            aud: None,
            sub: claims.subject.to_string(),
            sid: claims.session.to_string(),
            jti: claims.token.to_string(),
            iat: claims.issued_at.as_seconds(),
            exp: claims.expires_at.as_seconds(),
            access: None,
        },
    }
}
