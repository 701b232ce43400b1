//! `/api/auth/passkeys`: register, list, rename and remove the passkeys of the caller.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{PasskeyId, Timestamp};
use portcullis_flows::sign_in::passkey::{PasskeyRecord, PasskeyRegistrationRequest, Passkeys};
use portcullis_mfa::passkey::RegistrationResponse;
use portcullis_web::{
    Body, Caller, Code, Guard, Hashing, Json, Limit, Method, Problem, Query, Route, Settings, Text,
    blocking, origin,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::sign_in::passkey_options::{CreationOptionsAnswer, transports};
use crate::sign_in::password::name;
use crate::sign_in::reauthentication::CurrentCredentialBody;
use crate::sign_in::session_tokens::{self, TokensAnswer};

/// A passkey of the caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyAnswer {
    /// The id of the passkey.
    #[schema(example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    id: String,
    /// The name that the caller gave it.
    #[schema(example = "Phone")]
    name: String,
    /// The model of the authenticator (AAGUID); zeros if it does not say.
    #[schema(example = "00000000-0000-0000-0000-000000000000")]
    model: String,
    #[schema(schema_with = transports)]
    transports: Vec<&'static str>,
    /// True if it signs in alone: it needs no name, and its authenticator has verified its user.
    #[schema(example = true)]
    signs_in_alone: bool,
    /// True if copies of it exist, at the provider that synchronises it.
    #[schema(example = false)]
    backed_up: bool,
    /// The time of the registration (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    created_at: Timestamp,
    /// The time of the latest use (RFC 3339, UTC); null before the first.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T10:01:00Z")]
    last_used_at: Option<Timestamp>,
}

impl From<PasskeyRecord> for PasskeyAnswer {
    fn from(passkey: PasskeyRecord) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name,
            model: passkey.model,
            transports: passkey.transports.words().collect(),
            signs_in_alone: passkey.signs_in_alone,
            backed_up: passkey.is_backed_up,
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
        }
    }
}

/// The passkeys of the caller, the oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeysAnswer {
    items: Vec<PasskeyAnswer>,
    /// Always null: all passkeys are on one page.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// A new credential of the browser.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
        "credential": {
            "id": "-R85HbTJsv3g6nAYnLo_tj9Xm6YSKzOtlP8-wzAIS-Q",
            "rawId": "-R85HbTJsv3g6nAYnLo_tj9Xm6YSKzOtlP8-wzAIS-Q",
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiTURFeU16UTFOamM0T1RBeE1qTTBOVFkzT0Rrd01USXpORFUyTnpnNU1ERSIsIm9yaWdpbiI6Imh0dHBzOi8vYXV0aC5leGFtcGxlLm9yZyIsImNyb3NzT3JpZ2luIjpmYWxzZX0",
                "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVikv6vDdDKViwYzYNOtZGHJxHNa5_jt1GWSpeDwFFKy5LVZAAAAAIRGzLmrHbN0dQsjZ_9vOh8AIPkfOR20ybL94OpwGJy6P7Y_V5umEiszrZT_PsMwCEvkpQECAyYgASFYIK_voW-XypstI-uGzLZAmNINuQhWBi6yScM6m2cvJt9hIlggkwpWuHovymYzSwNFir-HlxfBLMaO1zKQry4mZHlrkiA",
                "transports": [
                    "internal"
                ]
            }
        },
        "name": "Phone"
    }))]
pub(crate) struct NewPasskeyBody {
    /// The result of `navigator.credentials.create`, by its method `toJSON`.
    #[schema(value_type = Object)]
    credential: Value,
    /// The name of the passkey, chosen by the person.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Phone")]
    name: Text,
}

/// A name of a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyNameBody {
    /// The name of the passkey, chosen by the person.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Phone")]
    name: Text,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/auth/passkeys",
    guard: Guard::FACTOR_ENROLMENT,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::Unavailable],
};

/// Lists the passkeys of the caller.
#[utoipa::path(get, path = LIST.path, operation_id = "listPasskeys", tag = "factors",
    responses((status = 200, body = PasskeysAnswer, description = "The passkeys")))]
pub(crate) async fn list(
    caller: Caller,
    request: HttpRequest,
    passkeys: web::Data<Passkeys>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request)?;
    let (account, _) = caller.session()?;
    let passkeys = blocking(move || passkeys.list(account)).await?;
    let items = passkeys.into_iter().map(PasskeyAnswer::from).collect();
    Ok(HttpResponse::Ok().json(PasskeysAnswer { items, next_cursor: None }))
}

pub(crate) const OPTIONS: Route = Route {
    method: Method::Post,
    path: "/api/auth/passkeys/options",
    guard: Guard::FACTOR_ENROLMENT.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoPasskeys,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Starts the registration of a passkey.
///
/// The challenge works once, in the same session and within five minutes.
#[utoipa::path(post, path = OPTIONS.path, operation_id = "startPasskeyRegistration", tag = "factors",
    request_body = CurrentCredentialBody,
    responses((status = 200, body = CreationOptionsAnswer, description = "The options for the browser")))]
pub(crate) async fn options(
    caller: Caller,
    request: HttpRequest,
    passkeys: web::Data<Passkeys>,
    hashing: Hashing,
    body: Json<CurrentCredentialBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.0.request(&caller, &request)?;
    let address = wanted.origin.address;
    let options = hashing.run(address, move || passkeys.start(&wanted)).await?;
    Ok(HttpResponse::Ok().json(CreationOptionsAnswer::of(&options)?))
}

pub(crate) const VERIFY: Route = Route {
    method: Method::Post,
    path: "/api/auth/passkeys/verify",
    guard: Guard::FACTOR_ENROLMENT.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::NoEnrolment,
        Code::NoPasskeys,
        Code::PasskeyRefused,
        Code::TooManyPasskeys,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Registers a passkey. From then on every sign-in with the password requires a second factor.
///
/// All sessions of the account end. The response contains tokens and cookies of a new session, which
/// has two factors.
#[utoipa::path(post, path = VERIFY.path, operation_id = "registerPasskey", tag = "factors",
    request_body = NewPasskeyBody,
    responses((status = 200, body = TokensAnswer, description = "The tokens of the new session")))]
pub(crate) async fn verify(
    caller: Caller,
    request: HttpRequest,
    passkeys: web::Data<Passkeys>,
    settings: web::Data<Settings>,
    body: Json<NewPasskeyBody>,
) -> Result<HttpResponse, Problem> {
    let (account, session) = caller.session()?;
    let name = name("name", &body.0.name)?;
    let response = RegistrationResponse::parse(&body.0.credential);
    let response = response.map_err(|_| Problem::new(Code::PasskeyRefused))?;
    let origin = origin(&request);
    let wanted = PasskeyRegistrationRequest { account, session, response, name, origin };
    let registered = blocking(move || passkeys.register(&wanted)).await?;
    let secure = settings.secure_cookies;
    Ok(session_tokens::bound(&registered.tokens, registered.binding.as_ref(), secure))
}

pub(crate) const RENAME: Route = Route {
    method: Method::Patch,
    path: "/api/auth/passkeys/{id}",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[Code::CsrfFailed, Code::NoFactor, Code::OutcomeUnknown, Code::Unavailable],
};

/// Renames a passkey of the caller.
#[utoipa::path(patch, path = RENAME.path, operation_id = "renamePasskey", tag = "factors",
    params(("id" = String, Path, description = "The passkey",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")),
    request_body = PasskeyNameBody,
    responses((status = 204, description = "The passkey is renamed")))]
pub(crate) async fn rename(
    caller: Caller,
    request: HttpRequest,
    passkeys: web::Data<Passkeys>,
    id: web::Path<String>,
    body: Json<PasskeyNameBody>,
) -> Result<HttpResponse, Problem> {
    let (passkey, name) = (passkey(&id)?, name("name", &body.0.name)?);
    let (owner, origin) = (caller.session()?, origin(&request));
    blocking(move || passkeys.rename(owner, passkey, &name, &origin)).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(crate) const REMOVE: Route = Route {
    method: Method::Delete,
    path: "/api/auth/passkeys/{id}",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoFactor,
        Code::LastFactor,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Removes a passkey of the caller, and the backup codes if no other factor remains.
#[utoipa::path(delete, path = REMOVE.path, operation_id = "deletePasskey", tag = "factors",
    params(("id" = String, Path, description = "The passkey",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")),
    request_body = CurrentCredentialBody,
    responses((status = 204, description = "The passkey is removed")))]
pub(crate) async fn remove(
    caller: Caller,
    request: HttpRequest,
    passkeys: web::Data<Passkeys>,
    hashing: Hashing,
    id: web::Path<String>,
    body: Json<CurrentCredentialBody>,
) -> Result<HttpResponse, Problem> {
    let (passkey, wanted) = (passkey(&id)?, body.0.request(&caller, &request)?);
    let address = wanted.origin.address;
    hashing.run(address, move || passkeys.remove(passkey, &wanted)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The passkey that the path names. A text that is no id names none.
fn passkey(id: &str) -> Result<PasskeyId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NoFactor))
}
