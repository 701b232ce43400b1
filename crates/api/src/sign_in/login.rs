//! `POST /api/auth/login` (a form) and `/api/auth/login/json`.

use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use portcullis_domain::{Delivery, DisplayName, ExposeSecret, SecretString};
use portcullis_flows::device::DEVICE_LIFETIME;
use portcullis_flows::session_tokens::SessionTokens;
use portcullis_flows::sign_in::{SignInRequest, SignedIn};
use portcullis_token::OpaqueSecret;
use portcullis_web::{
    Body, Code, CookieName, FieldProblem, Form, Guard, Json, Limit, Method, Problem, Route,
    SecretText, Settings, Text, cookie, hashing, origin, set_cookie,
};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::answer::AccountAnswer;
use crate::openapi::word;
use crate::services::Services;

/// Who signs in, and how the tokens shall travel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInBody {
    /// A user name or an email address.
    #[schema(value_type = String, example = "ada")]
    username: Text,
    /// As typed, at most 1,024 bytes.
    #[schema(value_type = String, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    password: SecretText,
    /// `cookie` (default) or `body`, for clients without cookies.
    #[serde(default, deserialize_with = "delivery")]
    #[schema(schema_with = word::delivery, required = false)]
    delivery: Delivery,
    /// What the person calls the device.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100,
        example = "Ada's laptop")]
    device_name: Option<Text>,
}

/// Tokens of a session. With delivery `cookie` the access token is in a cookie only.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokensAnswer {
    /// Works once; in a browser only together with the binding cookie.
    #[schema(example = "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")]
    refresh_token: String,
    #[schema(pattern = "^Bearer$", example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 1800)]
    expires_in: u64,
    #[schema(example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    session_id: String,
    account: AccountAnswer,
    /// Only with delivery `body`.
    #[schema(
        nullable = false,
        example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
}

pub(crate) const FORM: Route = Route {
    method: Method::Post,
    path: "/api/auth/login",
    guard: Guard::PUBLIC,
    limit: Limit::Unlimited,
    body: Body::FORM,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidCredentials,
        Code::PasswordTooLong,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Signs in with a form, as browsers send it.
#[utoipa::path(post, path = FORM.path, tag = "auth",
    request_body(content = SignInBody, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokensAnswer, description = "Signed in")))]
pub(crate) async fn form(
    request: HttpRequest,
    services: web::Data<Services>,
    settings: web::Data<Settings>,
    body: Form<SignInBody>,
) -> Result<HttpResponse, Problem> {
    sign_in(&request, services, &settings, body.0).await
}

pub(crate) const JSON: Route = Route {
    method: Method::Post,
    path: "/api/auth/login/json",
    guard: Guard::PUBLIC,
    limit: Limit::Unlimited,
    body: Body::JSON,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidCredentials,
        Code::PasswordTooLong,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Signs in with JSON.
#[utoipa::path(post, path = JSON.path, tag = "auth",
    request_body = SignInBody,
    responses((status = 200, body = TokensAnswer, description = "Signed in")))]
pub(crate) async fn json(
    request: HttpRequest,
    services: web::Data<Services>,
    settings: web::Data<Settings>,
    body: Json<SignInBody>,
) -> Result<HttpResponse, Problem> {
    sign_in(&request, services, &settings, body.0).await
}

async fn sign_in(
    request: &HttpRequest,
    services: web::Data<Services>,
    settings: &Settings,
    body: SignInBody,
) -> Result<HttpResponse, Problem> {
    let wanted = SignInRequest {
        identifier: body.username.0,
        password: body.password.0,
        delivery: body.delivery,
        device_name: body.device_name.as_ref().map(device_name).transpose()?,
        device_token: cookie(request, CookieName::Device)?,
        origin: origin(request),
    };
    let address = wanted.origin.address;
    let signed_in =
        hashing(&services.hashing.clone(), &*services.random.clone(), address, move || {
            services.sign_in.sign_in(&wanted)
        })
        .await?;
    let SignedIn { grant, binding, device_token } = signed_in;
    let secure = settings.secure_cookies;
    let mut response = tokens(&grant, secure);
    bind(&mut response, &grant, binding.as_ref(), secure);
    remember_device(&mut response, device_token.as_ref(), secure);
    Ok(response)
}

/// Sets the binding cookie of a session, if it has one.
pub(crate) fn bind(
    response: &mut HttpResponse,
    grant: &SessionTokens,
    binding: Option<&OpaqueSecret>,
    secure: bool,
) {
    if let Some(binding) = binding {
        let max_age = grant.session.expires_at.since(grant.session.authenticated_at);
        add_cookie(response, &set_cookie(CookieName::Binding, binding.expose(), max_age, secure));
    }
}

/// Sets the device cookie, if there is one to set.
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

/// As a text only: serde would take `{"body": null}` too.
fn delivery<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Delivery, D::Error> {
    Text::deserialize(deserializer)?.0.parse().map_err(D::Error::custom)
}

fn device_name(text: &Text) -> Result<DisplayName, Problem> {
    DisplayName::parse(&text.0).map_err(|_| {
        let message = "use 1 to 100 characters, with no space at either end";
        Problem::new(Code::InvalidRequest).field(FieldProblem::new(
            "device_name".to_owned(),
            "malformed",
            message,
        ))
    })
}

/// The answer to a sign-in or a refresh, with the access token where the session wants it.
pub(crate) fn tokens(grant: &SessionTokens, secure: bool) -> HttpResponse {
    let in_body = grant.session.delivery == Delivery::Body;
    let mut response = HttpResponse::Ok().json(TokensAnswer {
        refresh_token: grant.refresh_token.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: grant.access_expires_in.as_secs(),
        session_id: grant.session.id.to_string(),
        account: AccountAnswer::from(&grant.account),
        access_token: in_body.then(|| grant.access_token.expose_secret().to_owned()),
    });
    if !in_body {
        let (token, max_age) = (grant.access_token.expose_secret(), grant.access_expires_in);
        let cookie = set_cookie(CookieName::AccessToken, token, max_age, secure);
        add_cookie(&mut response, &cookie);
    }
    response
}

/// Adding a cookie can fail only for a value that no header may hold, which no token of ours is.
pub(crate) fn add_cookie(response: &mut HttpResponse, cookie: &actix_web::cookie::Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}
