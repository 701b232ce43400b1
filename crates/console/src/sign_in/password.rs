//! `POST /console/sign-in`: sign-in with a password.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{Delivery, SecretString};
use portcullis_flows::sign_in::{SignIn, SignInRequest, SignInResult};
use portcullis_web::quotas::SIGN_IN as SIGN_IN_RATE;
use portcullis_web::{
    Body, Code, Form, Hashing, Limit, Method, Problem, Route, SecretText, Settings,
    browser_cookies, origin,
};
use serde::Deserialize;

use super::session_cookies::opened;
use super::{challenge, first_step};
use crate::form::checked;
use crate::local_path::LocalPath;
use crate::site::Site;

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInForm {
    username: String,
    password: SecretText,
    #[serde(default)]
    next: String,
}

pub(crate) const SIGN_IN: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&SIGN_IN_RATE),
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
    ..first_step::SHOW
};

/// Signs in, or asks for the second factor.
pub(crate) async fn sign_in(
    request: HttpRequest,
    site: web::Data<Site>,
    use_case: web::Data<SignIn>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    form: Form<SignInForm>,
) -> Result<HttpResponse, Problem> {
    let SignInForm { username, password, next } = form.0;
    let next = LocalPath::parse(&next);
    match attempt(&request, use_case, &hashing, &username, password.0).await {
        Ok(SignInResult::SignedIn(signed_in)) => {
            Ok(opened(&signed_in, next.as_str(), settings.secure_cookies))
        }
        Ok(SignInResult::ChallengeIssued(issued)) => {
            challenge::ask(&site, &issued, &next, settings.secure_cookies)
        }
        Err(problem) => first_step::again(&site, &problem, &next, &username),
    }
}

/// Signs in.
pub(super) async fn attempt(
    request: &HttpRequest,
    use_case: web::Data<SignIn>,
    hashing: &Hashing,
    username: &str,
    password: SecretString,
) -> Result<SignInResult, Problem> {
    let wanted = SignInRequest {
        identifier: checked("username", username)?,
        password,
        delivery: Delivery::Cookie,
        device_name: None,
        browser: browser_cookies(request)?,
        origin: origin(request),
    };
    let address = wanted.origin.address;
    hashing.run(address, move || use_case.sign_in(&wanted)).await
}
