//! `/console/confirm`: proves the second factor again, before an action that requires a recent one. A form that was
//! sent too late comes here as it was sent, and goes on from here.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::sign_in::step_up::{FactorStepUp, StepUpRequest};
use portcullis_flows::sign_in::{ChallengeError, SignIn, SignInResult};
use portcullis_web::quotas::SIGN_IN;
use portcullis_web::{
    Body, Code, Concurrency, ConcurrencyPermit, Form, Guard, Hashing, Limit, Method, Problem,
    Route, SecretText, Settings, origin, set_access,
};
use serde::Deserialize;

use super::first_step::Notice;
use super::session_cookies::keep as keep_session;
use super::{challenge, password};
use crate::form::Field;
use crate::form_page::{FormPage, Link, PasskeyButton};
use crate::kept_form::{AnyForm, KeptForm};
use crate::local_path::{LocalPath, NEXT};
use crate::page::{Frame, Person, see};
use crate::paths;
use crate::proof::factor;
use crate::site::Site;
use crate::strings::{CONFIRM as TEXTS, ENGLISH};

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::CONFIRM,
    guard: Guard::SIGNED_IN,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Asks for the second factor. An account without one signs in again, and so does one that must change its
/// password first: it may not prove a factor before that.
pub(crate) async fn show(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let next = LocalPath::of_query(&request);
    if !person.account.mfa_enabled || person.account.password_must_change {
        return Ok(see(&Notice::TooOld.path(&next)));
    }
    form_page(&person, &site, &next, &KeptForm::default()).show()
}

fn form_page<'a>(
    person: &'a Person,
    site: &'a Site,
    next: &'a LocalPath,
    kept: &'a KeptForm,
) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.confirm_title, "");
    let mut page = FormPage::new(frame, CONFIRM.path, t.second_step_action);
    page.text = t.confirm_text;
    page.hidden.push((NEXT, next.as_str()));
    page.fields.push(Field::code("code", t.code).or_passkey());
    page.passkey = Some(PasskeyButton::step_up(t.use_passkey));
    let path = Notice::TooOld.path(next);
    page.links.push(Link { before: t.confirm_other_before, label: t.signed_out_action, path });
    carry(&mut page, kept);
    page
}

fn password_page<'a>(
    person: &'a Person,
    site: &'a Site,
    next: &'a LocalPath,
    kept: &'a KeptForm,
) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.confirm_title, "");
    let mut page = FormPage::new(frame, CONFIRM_PASSWORD.path, t.second_step_action);
    page.text = TEXTS.password_text;
    page.hidden.push((NEXT, next.as_str()));
    page.fields.push(Field::password("password", t.password, "current-password"));
    carry(&mut page, kept);
    page
}

fn carry<'a>(page: &mut FormPage<'a>, kept: &'a KeptForm) {
    if kept.is_some() {
        page.notice = TEXTS.kept;
        page.hidden.extend(kept.hidden());
    }
}

/// Permits for kept forms: each takes one for every 64 KiB of its body, and holds about five times its body,
/// together at most about 80 MiB.
const KEPT_FORMS: Concurrency = Concurrency {
    name: "kept_forms",
    places: 256,
    unit: Some(64 * 1024),
    wait: Duration::from_secs(5),
};

pub(crate) const KEEP: Route = Route {
    method: Method::Post,
    path: paths::CONFIRM_FORM,
    limit: Limit::concurrent(&KEPT_FORMS),
    body: Body::Form(KeptForm::MAX_BYTES),
    errors: &[Code::CsrfFailed],
    ..SHOW
};

/// Keeps a form that was sent too late, and asks for the second factor; without one, for the password.
pub(crate) async fn keep(
    (person, _place): (Person, ConcurrencyPermit),
    request: HttpRequest,
    site: web::Data<Site>,
    form: Form<AnyForm>,
) -> Result<HttpResponse, Problem> {
    let next = LocalPath::of_page(&request);
    if person.account.password_must_change {
        return Ok(see(&Notice::TooOld.path(&next)));
    }
    let kept = KeptForm::of(&LocalPath::of_query(&request), &form.0);
    let asked = if person.account.mfa_enabled { form_page } else { password_page };
    asked(&person, &site, &next, &kept).show()
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmForm {
    code: Option<SecretText>,
    credential: Option<SecretText>,
    #[serde(default)]
    next: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    form: String,
}

pub(crate) const CONFIRM: Route = Route {
    method: Method::Post,
    guard: Guard::CALLER,
    limit: KEEP.limit,
    body: KEEP.body,
    errors: &[
        Code::CsrfFailed,
        Code::WrongCode,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Proves the second factor, and shows the page that sends the kept form.
pub(crate) async fn confirm(
    (person, _place): (Person, ConcurrencyPermit),
    request: HttpRequest,
    site: web::Data<Site>,
    step_up: web::Data<FactorStepUp>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    form: Form<ConfirmForm>,
) -> Result<HttpResponse, Problem> {
    let ConfirmForm { code, credential, next, to, form } = form.0;
    let (next, kept) = (LocalPath::parse(&next), KeptForm { to, form });
    let (account, session) = person.session()?;
    let methods = person.principal.methods().to_vec();
    let attempt = async {
        let answer = factor(code, credential, Code::WrongCode)?;
        let wanted = StepUpRequest { account, session, methods, answer, origin: origin(&request) };
        let address = wanted.origin.address;
        let prove = move || {
            step_up.step_up(&wanted).map_err(|error| match error {
                // The person stays signed in.
                ChallengeError::WrongCode => Problem::new(Code::WrongCode),
                error => error.into(),
            })
        };
        hashing.run(address, prove).await
    };
    match attempt.await {
        Ok(Some(issued)) => {
            let mut response =
                if kept.is_some() { kept.page(&person, &site, &next)? } else { see(next.as_str()) };
            set_access(&mut response, &issued, settings.secure_cookies);
            Ok(response)
        }
        Ok(None) => Err(Problem::new(Code::InvalidToken)),
        Err(problem) => form_page(&person, &site, &next, &kept).again(&problem),
    }
}

/// The form with the password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordForm {
    password: SecretText,
    next: String,
    to: String,
    form: String,
}

pub(crate) const CONFIRM_PASSWORD: Route = Route {
    path: paths::CONFIRM_PASSWORD,
    limit: Limit { concurrency: KEEP.limit.concurrency, ..Limit::rate(&SIGN_IN) },
    errors: &[
        Code::CsrfFailed,
        Code::AmbiguousCredentials,
        Code::InvalidCredentials,
        Code::PasswordTooLong,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..CONFIRM
};

/// Signs in again, and shows the page that sends the kept form. A sign-in that needs a mailed code leads to the page
/// of the form instead.
pub(crate) async fn confirm_password(
    (person, _place): (Person, ConcurrencyPermit),
    request: HttpRequest,
    site: web::Data<Site>,
    sign_in: web::Data<SignIn>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    form: Form<PasswordForm>,
) -> Result<HttpResponse, Problem> {
    let PasswordForm { password, next, to, form } = form.0;
    let (next, kept) = (LocalPath::parse(&next), KeptForm { to, form });
    let name = person.account.username.as_str();
    match password::attempt(&request, sign_in, &hashing, name, password.0).await {
        Ok(SignInResult::SignedIn(signed_in)) => {
            let person = person.in_session(&request, signed_in.tokens.session.id)?;
            let mut response = kept.page(&person, &site, &next)?;
            keep_session(&mut response, &signed_in, settings.secure_cookies);
            Ok(response)
        }
        Ok(SignInResult::ChallengeIssued(issued)) => {
            challenge::ask(&site, &issued, &next, settings.secure_cookies)
        }
        Err(problem) => password_page(&person, &site, &next, &kept).again(&problem),
    }
}
