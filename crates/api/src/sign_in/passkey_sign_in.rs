//! `POST /api/auth/login/passkey/options` and `…/verify`: sign-in with a passkey, without a name or a password.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::Delivery;
use portcullis_flows::sign_in::passkey_challenge::PasskeyOffer;
use portcullis_flows::sign_in::{PasskeySignIn, PasskeySignInRequest};
use portcullis_mfa::passkey::AssertionResponse;
use portcullis_web::{
    Body, Code, CookieName, Guard, Json, Limit, Method, Problem, Route, Settings, Text, add_cookie,
    blocking, browser_cookies, cookie, forget_cookie, origin, set_cookie,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::openapi::word;
use crate::sign_in::passkey_options::RequestOptionsAnswer;
use crate::sign_in::password::{delivery, name};
use crate::sign_in::session_tokens::{self, TokensAnswer};
use portcullis_web::quotas::{PASSKEY_OPTIONS, SIGN_IN};

/// The delivery of the tokens of a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyOptionsBody {
    /// The delivery of the access token: `cookie` (default), or `body` for clients without cookies.
    #[serde(default, deserialize_with = "delivery")]
    #[schema(schema_with = word::delivery, required = false)]
    delivery: Delivery,
}

/// An assertion of a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
        "credential": {
            "id": "-R85HbTJsv3g6nAYnLo_tj9Xm6YSKzOtlP8-wzAIS-Q",
            "rawId": "-R85HbTJsv3g6nAYnLo_tj9Xm6YSKzOtlP8-wzAIS-Q",
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiTURFeU16UTFOamM0T1RBeE1qTTBOVFkzT0Rrd01USXpORFUyTnpnNU1ERSIsIm9yaWdpbiI6Imh0dHBzOi8vYXV0aC5leGFtcGxlLm9yZyIsImNyb3NzT3JpZ2luIjpmYWxzZX0",
                "authenticatorData": "v6vDdDKViwYzYNOtZGHJxHNa5_jt1GWSpeDwFFKy5LUZAAAAAA",
                "signature": "MEYCIQD1Ck4uRAkknEqFO6NhKC8JhB303UVHoTqHeAIY3v_NOAIhAISArA8Lk1OBdPV1vxGh3V14xuSGAT-TcpXqE2U-Mx6H",
                "userHandle": "AAECAwQFBgcICQoLDA0ODw"
            }
        },
        "device_name": "Ada's laptop"
    }))]
pub(crate) struct PasskeySignInBody {
    /// The result of `navigator.credentials.get`, by its method `toJSON`.
    #[schema(value_type = Object)]
    credential: Value,
    /// The name of the device, chosen by the person.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100,
        example = "Ada's laptop")]
    device_name: Option<Text>,
}

pub(crate) const OPTIONS: Route = Route {
    method: Method::Post,
    path: "/api/auth/login/passkey/options",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&PASSKEY_OPTIONS),
    body: Body::JSON,
    errors: &[
        Code::AmbiguousCredentials,
        Code::NoPasskeys,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Starts a sign-in with a passkey.
///
/// The challenge works once, within five minutes, and with delivery `cookie` in this browser only.
#[utoipa::path(post, path = OPTIONS.path, operation_id = "startPasskeySignIn", tag = "auth",
    request_body = PasskeyOptionsBody,
    responses((status = 200, body = RequestOptionsAnswer, description = "The options for the browser")))]
pub(crate) async fn options(
    request: HttpRequest,
    use_case: web::Data<PasskeySignIn>,
    settings: web::Data<Settings>,
    body: Json<PasskeyOptionsBody>,
) -> Result<HttpResponse, Problem> {
    let present = cookie(&request, CookieName::PasskeySignIn)?;
    let started = blocking(move || use_case.start(body.0.delivery, present.as_ref())).await?;
    let mut response = HttpResponse::Ok().json(RequestOptionsAnswer::of(&started.options)?);
    if let Some(binding) = &started.binding {
        let (name, lifetime) = (CookieName::PasskeySignIn, PasskeyOffer::CHALLENGE_LIFETIME);
        let cookie = set_cookie(name, binding.expose(), lifetime, settings.secure_cookies);
        add_cookie(&mut response, &cookie);
    }
    Ok(response)
}

pub(crate) const VERIFY: Route = Route {
    method: Method::Post,
    path: "/api/auth/login/passkey/verify",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&SIGN_IN),
    body: Body::JSON,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidPasskey,
        Code::EmailNotVerified,
        Code::NoPasskeys,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Signs in with a passkey whose authenticator has verified the user. It counts as two factors.
#[utoipa::path(post, path = VERIFY.path, operation_id = "signInWithPasskey", tag = "auth",
    request_body = PasskeySignInBody,
    responses((status = 200, body = TokensAnswer, description = "Signed in")))]
pub(crate) async fn verify(
    request: HttpRequest,
    use_case: web::Data<PasskeySignIn>,
    settings: web::Data<Settings>,
    body: Json<PasskeySignInBody>,
) -> Result<HttpResponse, Problem> {
    let response = AssertionResponse::parse(&body.0.credential);
    let response = response.map_err(|_| Problem::new(Code::InvalidPasskey))?;
    let wanted = PasskeySignInRequest {
        response: Arc::new(response),
        binding: cookie(&request, CookieName::PasskeySignIn)?,
        device_name: body.0.device_name.as_ref().map(|it| name("device_name", it)).transpose()?,
        browser: browser_cookies(&request)?,
        origin: origin(&request),
    };
    let had_cookie = wanted.binding.is_some();
    let signed_in = blocking(move || use_case.sign_in(&wanted)).await?;
    let secure = settings.secure_cookies;
    let mut response = session_tokens::signed_in(&signed_in, secure);
    if had_cookie {
        let forget = forget_cookie(CookieName::PasskeySignIn, secure);
        add_cookie(&mut response, &forget);
    }
    Ok(response)
}
