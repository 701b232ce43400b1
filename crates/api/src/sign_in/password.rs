//! `POST /api/auth/login` (a form) and `/api/auth/login/json`: sign-in with a password.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{Delivery, DisplayName};
use portcullis_flows::sign_in::{SignIn, SignInRequest, SignInResult};
use portcullis_web::{
    Body, Code, FieldProblem, Form, Guard, Hashing, Json, Limit, Method, Problem, Route,
    SecretText, Settings, Text, browser_cookies, origin,
};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::openapi::word;
use crate::sign_in::challenge::{self, SignInAnswer};
use crate::sign_in::session_tokens;
use portcullis_web::quotas::SIGN_IN;

/// The credentials of a sign-in, and the delivery of its tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInBody {
    /// The user name or the email address of the account.
    #[schema(value_type = String, example = "ada")]
    username: Text,
    /// The password, at most 1,024 bytes.
    #[schema(value_type = String, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    password: SecretText,
    /// The delivery of the access token: `cookie` (default), or `body` for clients without cookies.
    #[serde(default, deserialize_with = "delivery")]
    #[schema(schema_with = word::delivery, required = false)]
    delivery: Delivery,
    /// The name of the device, chosen by the person.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100,
        example = "Ada's laptop")]
    device_name: Option<Text>,
}

pub(crate) const FORM: Route = Route {
    method: Method::Post,
    path: "/api/auth/login",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&SIGN_IN),
    body: Body::FORM,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidCredentials,
        Code::EmailNotVerified,
        Code::PasswordTooLong,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Signs in with a password, sent as a form. With a second factor, the response has a token for the
/// second step instead of a session.
#[utoipa::path(post, path = FORM.path, operation_id = "signInWithForm", tag = "auth",
    request_body(content = SignInBody, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = SignInAnswer,
        description = "Signed in, or a second factor is required",
        example = json!({
            "mfa_required": true, "expires_in": 300,
            "mfa_token": "8ZPvWgcmw9mTqYz1FPpqYV4sB0yDqO3mYbX2wz4kLrA" }))))]
pub(crate) async fn form(
    request: HttpRequest,
    use_case: web::Data<SignIn>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    body: Form<SignInBody>,
) -> Result<HttpResponse, Problem> {
    sign_in(&request, use_case, &hashing, settings.secure_cookies, body.0).await
}

pub(crate) const JSON: Route = Route {
    method: Method::Post,
    path: "/api/auth/login/json",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&SIGN_IN),
    body: Body::JSON,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidCredentials,
        Code::EmailNotVerified,
        Code::PasswordTooLong,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Signs in with a password, sent as JSON. With a second factor, the response has a token for the
/// second step instead of a session.
#[utoipa::path(post, path = JSON.path, operation_id = "signIn", tag = "auth",
    request_body = SignInBody,
    responses((status = 200, body = SignInAnswer,
        description = "Signed in, or a second factor is required",
        example = json!({
            "mfa_required": true, "expires_in": 300,
            "mfa_token": "8ZPvWgcmw9mTqYz1FPpqYV4sB0yDqO3mYbX2wz4kLrA" }))))]
pub(crate) async fn json(
    request: HttpRequest,
    use_case: web::Data<SignIn>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    body: Json<SignInBody>,
) -> Result<HttpResponse, Problem> {
    sign_in(&request, use_case, &hashing, settings.secure_cookies, body.0).await
}

async fn sign_in(
    request: &HttpRequest,
    use_case: web::Data<SignIn>,
    hashing: &Hashing,
    secure: bool,
    body: SignInBody,
) -> Result<HttpResponse, Problem> {
    let wanted = SignInRequest {
        identifier: body.username.0,
        password: body.password.0,
        delivery: body.delivery,
        device_name: body.device_name.as_ref().map(|it| name("device_name", it)).transpose()?,
        browser: browser_cookies(request)?,
        origin: origin(request),
    };
    let address = wanted.origin.address;
    Ok(match hashing.run(address, move || use_case.sign_in(&wanted)).await? {
        SignInResult::SignedIn(signed_in) => session_tokens::signed_in(&signed_in, secure),
        SignInResult::ChallengeIssued(issued) => challenge::response(&issued, secure)?,
    })
}

/// The delivery, from a text only: serde would also accept `{"body": null}`.
pub(crate) fn delivery<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Delivery, D::Error> {
    Text::deserialize(deserializer)?.0.parse().map_err(D::Error::custom)
}

/// The name that a person gives a device or a passkey, in this field.
pub(crate) fn name(field: &str, text: &Text) -> Result<DisplayName, Problem> {
    DisplayName::parse(&text.0).map_err(|_| {
        let message = "use 1 to 100 characters, with no space at either end";
        Problem::new(Code::InvalidRequest).field(FieldProblem::new(
            field.to_owned(),
            "malformed",
            message,
        ))
    })
}
