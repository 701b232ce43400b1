//! `/console/sign-in/passkey`: sign-in with a passkey. The browser gets the options from the API.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::sign_in::{PasskeySignIn, PasskeySignInRequest, SignedIn};
use portcullis_web::quotas::SIGN_IN;
use portcullis_web::{
    Body, Code, CookieName, Form, Limit, Method, Problem, Route, SecretText, Settings, add_cookie,
    blocking, browser_cookies, cookie, forget_cookie, origin,
};
use serde::Deserialize;

use super::first_step;
use super::session_cookies::opened;
use crate::local_path::LocalPath;
use crate::paths;
use crate::proof::assertion;
use crate::site::Site;

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyForm {
    credential: SecretText,
    #[serde(default)]
    next: String,
}

pub(crate) const SIGN_IN_ALONE: Route = Route {
    method: Method::Post,
    path: paths::PASSKEY_SIGN_IN,
    limit: Limit::rate(&SIGN_IN),
    body: Body::FORM,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidPasskey,
        Code::EmailNotVerified,
        Code::NoPasskeys,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..first_step::SHOW
};

/// Signs in with a passkey.
pub(crate) async fn sign_in_alone(
    request: HttpRequest,
    site: web::Data<Site>,
    use_case: web::Data<PasskeySignIn>,
    settings: web::Data<Settings>,
    form: Form<PasskeyForm>,
) -> Result<HttpResponse, Problem> {
    let next = LocalPath::parse(&form.0.next);
    match attempt(&request, use_case, &form.0.credential).await {
        Ok(signed_in) => {
            let secure = settings.secure_cookies;
            let mut response = opened(&signed_in, next.as_str(), secure);
            add_cookie(&mut response, &forget_cookie(CookieName::PasskeySignIn, secure));
            Ok(response)
        }
        Err(problem) => first_step::again(&site, &problem, &next, ""),
    }
}

async fn attempt(
    request: &HttpRequest,
    use_case: web::Data<PasskeySignIn>,
    credential: &SecretText,
) -> Result<SignedIn, Problem> {
    let binding = cookie(request, CookieName::PasskeySignIn)?;
    let wanted = PasskeySignInRequest {
        response: assertion(credential, Code::InvalidPasskey)?,
        // A challenge of a program has none, and its session is none of a browser.
        binding: Some(binding.ok_or(Problem::new(Code::InvalidPasskey))?),
        device_name: None,
        browser: browser_cookies(request)?,
        origin: origin(request),
    };
    blocking(move || use_case.sign_in(&wanted)).await
}
