//! `/console/sign-in/code`: the second step of a sign-in: a code of the app, a backup code, or a mailed
//! code.
//!
//! The token of the step is a hidden field. It works only together with the cookie of this browser, for
//! five minutes and five tries.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::ExposeSecret;
use portcullis_flows::sign_in::{ChallengeAnswer, IssuedChallenge, SecondFactor, SignedIn};
use portcullis_web::quotas::SECOND_FACTOR;
use portcullis_web::{
    Body, Code, CookieName, Form, Guard, Hashing, Limit, Method, Problem, Route, SecretText,
    Settings, add_cookie, browser_cookies, cookie, forget_cookie, origin, set_cookie,
};
use serde::Deserialize;

use super::first_step;
use super::session_cookies::opened;
use crate::form::Field;
use crate::form_page::{FormPage, Link, PasskeyButton, options_json};
use crate::local_path::{LocalPath, NEXT};
use crate::page::{Frame, see};
use crate::paths;
use crate::proof::factor;
use crate::site::Site;
use crate::strings::ENGLISH;

/// The form of the second step, after the right password.
pub(crate) fn ask(
    site: &Site,
    issued: &IssuedChallenge,
    next: &LocalPath,
    secure: bool,
) -> Result<HttpResponse, Problem> {
    let passkey = issued.passkey.as_ref().map(options_json).transpose()?.unwrap_or_default();
    let page = second_step(site, next, issued.token.expose(), issued.is_mailed, &passkey);
    let mut response = page.show()?;
    if let Some(binding) = &issued.binding {
        let (name, value) = (CookieName::Challenge, binding.expose());
        add_cookie(&mut response, &set_cookie(name, value, issued.lifetime, secure));
    }
    Ok(response)
}

fn second_step<'a>(
    site: &'a Site,
    next: &'a LocalPath,
    token: &'a str,
    is_mailed: bool,
    passkey: &'a str,
) -> FormPage<'a> {
    let t = &ENGLISH;
    let (title, text, label) = if is_mailed {
        (t.mailed_code_title, t.mailed_code_text, t.mailed_code)
    } else {
        (t.second_step_title, t.second_step_text, t.code)
    };
    let mut page = FormPage::new(Frame::new(site, title), ANSWER.path, t.second_step_action);
    page.text = text;
    let is_mailed = if is_mailed { "true" } else { "false" };
    page.hidden = vec![("mfa_token", token), ("is_mailed", is_mailed), (NEXT, next.as_str())];
    page.fields.push(Field::code("code", label).or_passkey());
    if !passkey.is_empty() {
        page.hidden.push(("passkey", passkey));
        page.passkey = Some(PasskeyButton::answer(passkey.to_owned(), t.use_passkey));
    }
    let path = next.after(paths::SIGN_IN);
    page.links.push(Link { before: "", label: t.second_step_begin_again, path });
    page
}

pub(crate) const BEGIN_AGAIN: Route = Route { path: "/console/sign-in/code", ..first_step::SHOW };

/// Leads to the first step: the second one has no page without it.
pub(crate) async fn begin_again(request: HttpRequest) -> HttpResponse {
    see(&LocalPath::of_query(&request).after(paths::SIGN_IN))
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondStepForm {
    mfa_token: SecretText,
    code: Option<SecretText>,
    credential: Option<SecretText>,
    #[serde(default)]
    is_mailed: bool,
    /// The options for a passkey, which go with the form until it is accepted.
    #[serde(default)]
    passkey: String,
    #[serde(default)]
    next: String,
}

pub(crate) const ANSWER: Route = Route {
    method: Method::Post,
    guard: Guard::PUBLIC,
    limit: Limit::rate(&SECOND_FACTOR),
    body: Body::FORM,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidMfaToken,
        Code::InvalidCode,
        Code::EmailNotVerified,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..BEGIN_AGAIN
};

/// Signs in with the second factor.
pub(crate) async fn answer(
    request: HttpRequest,
    site: web::Data<Site>,
    second_factor: web::Data<SecondFactor>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    form: Form<SecondStepForm>,
) -> Result<HttpResponse, Problem> {
    let SecondStepForm { mfa_token, code, credential, is_mailed, passkey, next } = form.0;
    let next = LocalPath::parse(&next);
    let token = mfa_token.0.clone();
    let secure = settings.secure_cookies;
    match attempt(&request, second_factor, &hashing, mfa_token, (code, credential)).await {
        Ok(signed_in) => {
            let mut response = opened(&signed_in, next.as_str(), secure);
            add_cookie(&mut response, &forget_cookie(CookieName::Challenge, secure));
            Ok(response)
        }
        // There is nothing to repeat.
        Err(problem) if problem.code == Code::InvalidMfaToken => {
            first_step::again(&site, &problem, &next, "")
        }
        Err(problem) => {
            let token = token.expose_secret();
            second_step(&site, &next, token, is_mailed, &passkey).again(&problem)
        }
    }
}

async fn attempt(
    request: &HttpRequest,
    second_factor: web::Data<SecondFactor>,
    hashing: &Hashing,
    token: SecretText,
    (code, credential): (Option<SecretText>, Option<SecretText>),
) -> Result<SignedIn, Problem> {
    let binding = cookie(request, CookieName::Challenge)?;
    let answer = ChallengeAnswer {
        token: token.0,
        // A challenge of a program has none, and its session is none of a browser.
        binding: Some(binding.ok_or(Problem::new(Code::InvalidMfaToken))?),
        factor: factor(code, credential, Code::InvalidCode)?,
        browser: browser_cookies(request)?,
        origin: origin(request),
    };
    let address = answer.origin.address;
    hashing.run(address, move || second_factor.answer(&answer)).await
}
