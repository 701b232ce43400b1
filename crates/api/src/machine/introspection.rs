//! `POST /api/auth/introspect` (RFC 7662) and `POST /api/auth/revoke` (RFC 7009).

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{AccountKind, ExposeSecret, canonical_address};
use portcullis_flows::access::permission;
use portcullis_flows::machine::api_key::CheckedApiKey;
use portcullis_flows::machine::introspection::{ActiveToken, Introspection};
use portcullis_token::{ApiKey, AuthenticationMethod, TokenAuthority};
use portcullis_web::{
    Authenticator, Body, Code, Form, Guard, Limit, Method, Priority, Problem, Route, SecretText,
    ShortText, blocking, origin,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::openapi::word;
use crate::token_type::{self, TokenType};

/// A token or an API key to introspect.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntrospectionForm {
    /// An access token, a refresh token or an API key.
    #[schema(value_type = String, example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    token: SecretText,
    /// Ignored: the kind is read from the token.
    #[expect(dead_code, reason = "standard clients send it")]
    #[schema(value_type = Option<String>, max_length = 256, example = "access_token")]
    token_type_hint: Option<ShortText>,
    /// The IP address of the client, as the service sees it. Without it, an access token or an API key that is
    /// bound to networks is inactive.
    #[schema(value_type = Option<String>, max_length = 45, example = "192.0.2.7")]
    client_address: Option<IpAddr>,
}

/// A token to revoke.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenForm {
    /// An access token or a refresh token.
    #[schema(value_type = String, example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    token: SecretText,
    /// Ignored: the kind is read from the token.
    #[expect(dead_code, reason = "standard clients send it")]
    #[schema(value_type = Option<String>, max_length = 256, example = "access_token")]
    token_type_hint: Option<ShortText>,
}

/// The state of a token (RFC 7662 section 2.2). For an inactive token, only `active` is present.
/// Times are in seconds since 1970.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct IntrospectionAnswer {
    /// True if this server issued the token, and it is neither expired nor revoked, nor a used
    /// refresh token.
    #[schema(example = true)]
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = token_type::any, required = false)]
    token_type: Option<TokenType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The issuer.
    #[schema(nullable = false, example = "https://auth.example.org")]
    iss: Option<String>,
    /// The audience; only for access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "portcullis")]
    aud: Option<String>,
    /// The id of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    sub: Option<String>,
    /// The id of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The id of the token.
    #[schema(nullable = false, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13")]
    jti: Option<String>,
    /// The id of the API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e14")]
    key_id: Option<String>,
    /// The scope of the API key: pairs of resource and action, with spaces between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "absence:* schedule:read")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The time of issue.
    #[schema(nullable = false, example = 1_800_000_000)]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The time of expiry.
    #[schema(nullable = false, example = 1_800_001_800)]
    exp: Option<i64>,
    /// The role, from the access matrix; of an access token, and of the owner of an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "msa")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = word::account_kind, required = false)]
    kind: Option<AccountKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = word::authentication_methods, required = false)]
    amr: Option<Vec<AuthenticationMethod>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The time of the sign-in; only of an access token.
    #[schema(nullable = false, example = 1_800_000_000)]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = word::assurance_level, required = false)]
    acr: Option<&'static str>,
    /// True if the account can only change its password; of an access token or an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = false)]
    password_must_change: Option<bool>,
    /// True if the account can only enrol a second factor; only of an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = false)]
    factor_required: Option<bool>,
}

pub(crate) const INTROSPECT: Route = Route {
    method: Method::Post,
    path: "/api/auth/introspect",
    guard: Guard::service(&[permission::INTROSPECT_TOKENS]),
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::FORM,
    errors: &[Code::Unavailable],
};

/// Returns the state of a token or an API key (RFC 7662), for services that do not verify tokens themselves.
#[utoipa::path(post, path = INTROSPECT.path, operation_id = "introspectToken", tag = "services",
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = IntrospectionAnswer, description = "The state of the token",
        example = json!({
            "active": true, "token_type": "Bearer", "iss": "https://auth.example.org",
            "aud": "portcullis", "sub": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11",
            "sid": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12",
            "jti": "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13", "iat": 1_800_000_000,
            "exp": 1_800_001_800, "role": "msa", "kind": "user", "amr": ["pwd"],
            "acr": "aal1", "auth_time": 1_800_000_000, "password_must_change": false,
            "factor_required": false }))))]
pub(crate) async fn introspect(
    request: HttpRequest,
    introspection: web::Data<Introspection>,
    authenticator: web::Data<Authenticator>,
    authority: web::Data<TokenAuthority>,
    form: Form<IntrospectionForm>,
) -> Result<HttpResponse, Problem> {
    let IntrospectionForm { token: SecretText(token), client_address, .. } = form.0;
    let client = client_address.map(canonical_address);
    if token.expose_secret().starts_with(ApiKey::PREFIX) {
        let key = authenticator.introspect_api_key(&request, token.expose_secret(), client).await?;
        let alive = key.map(|key| describe_key(&key, &authority));
        return Ok(HttpResponse::Ok().json(alive.unwrap_or_default()));
    }
    let ask = move || introspection.introspect(token.expose_secret(), client);
    let alive = blocking(ask).await?.map(|token| describe(token, &authority));
    Ok(HttpResponse::Ok().json(alive.unwrap_or_default()))
}

pub(crate) const REVOKE: Route = Route {
    method: Method::Post,
    path: "/api/auth/revoke",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL,
    body: Body::FORM,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Revokes a token (RFC 7009): an access token alone, a refresh token with its session.
///
/// The response is the same for an unknown or inactive token.
#[utoipa::path(post, path = REVOKE.path, operation_id = "revokeToken", tag = "auth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token is not active")))]
pub(crate) async fn revoke(
    request: HttpRequest,
    introspection: web::Data<Introspection>,
    form: Form<TokenForm>,
) -> Result<HttpResponse, Problem> {
    let origin = origin(&request);
    let token = form.0.token.0;
    blocking(move || introspection.revoke(token.expose_secret(), &origin)).await?;
    Ok(HttpResponse::Ok().finish())
}

fn describe(token: ActiveToken, authority: &TokenAuthority) -> IntrospectionAnswer {
    let alive = || IntrospectionAnswer {
        active: true,
        iss: Some(authority.issuer().to_owned()),
        ..IntrospectionAnswer::default()
    };
    match token {
        ActiveToken::Access(claims) => IntrospectionAnswer {
            token_type: Some(TokenType::Bearer),
            aud: Some(authority.audience().to_owned()),
            sub: Some(claims.subject.to_string()),
            sid: Some(claims.session.to_string()),
            jti: Some(claims.token.to_string()),
            iat: Some(claims.issued_at.as_seconds()),
            exp: Some(claims.expires_at.as_seconds()),
            role: Some(claims.role.as_str().to_owned()),
            kind: Some(claims.kind),
            amr: Some(claims.authentication_methods),
            auth_time: Some(claims.authenticated_at.as_seconds()),
            acr: Some(claims.assurance.as_str()),
            password_must_change: Some(claims.password_must_change),
            factor_required: Some(claims.factor_required),
            ..alive()
        },
        ActiveToken::Refresh(claims) => IntrospectionAnswer {
            token_type: Some(TokenType::RefreshToken),
            sub: Some(claims.subject.to_string()),
            sid: Some(claims.session.to_string()),
            jti: Some(claims.token.to_string()),
            iat: Some(claims.issued_at.as_seconds()),
            exp: Some(claims.expires_at.as_seconds()),
            ..alive()
        },
    }
}

fn describe_key(key: &CheckedApiKey, authority: &TokenAuthority) -> IntrospectionAnswer {
    let owner = key.owner();
    IntrospectionAnswer {
        active: true,
        token_type: Some(TokenType::ApiKey),
        iss: Some(authority.issuer().to_owned()),
        sub: Some(owner.id.to_string()),
        key_id: Some(key.id().to_string()),
        scope: Some(key.scope().to_string()),
        iat: Some(key.created_at().as_seconds()),
        exp: Some(key.expires_at().as_seconds()),
        role: Some(owner.role.as_str().to_owned()),
        kind: Some(owner.kind),
        password_must_change: Some(key.password_must_change()),
        ..IntrospectionAnswer::default()
    }
}
