//! `/console/factors/app`: sets up, replaces and removes an authenticator app.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::ExposeSecret;
use portcullis_flows::sign_in::totp::{ConfirmationRequest, StartedTotp, TotpEnrolment};
use portcullis_web::{
    Body, Code, Form, Guard, Hashing, Limit, Method, Problem, RefreshPlace, Route, SecretText,
    Settings, blocking, origin, set_session,
};
use serde::Deserialize;

use super::factors::path_with;
use crate::form::{Faults, Field};
use crate::form_page::{FormPage, Link};
use crate::page::{Frame, Person, page, see};
use crate::paths;
use crate::proof::CurrentForm;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::APP,
    guard: Guard::FACTOR_ENROLMENT.recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Asks for the password before a seed is made.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    start_page(&person, &site).show()
}

fn start_page<'a>(person: &'a Person, site: &'a Site) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.app_title, paths::FACTORS);
    FormPage::credential(frame, START.path, (t.app_text, t.second_step_action), person)
}

pub(crate) const START: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// The page with the seed, which is shown once.
#[derive(Template)]
#[template(path = "totp.html")]
struct SeedPage<'a> {
    frame: Frame<'a>,
    faults: Faults,
    qr_code: &'a str,
    groups: Vec<&'a str>,
    uri: &'a str,
    path: &'static str,
    code: Field<'a>,
}

/// Makes a seed and shows it.
pub(crate) async fn start(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    enrolment: web::Data<TotpEnrolment>,
    hashing: Hashing,
    form: Form<CurrentForm>,
) -> Result<HttpResponse, Problem> {
    let attempt = async {
        let wanted = form.0.request(&person, &request)?;
        let address = wanted.origin.address;
        hashing.run(address, move || enrolment.start(&wanted)).await
    };
    match attempt.await {
        Ok(started) => seed_page(&person, &site, &started),
        Err(problem) => start_page(&person, &site).again(&problem),
    }
}

fn seed_page(person: &Person, site: &Site, started: &StartedTotp) -> Result<HttpResponse, Problem> {
    const GROUP: usize = 4;
    let seed = started.secret.expose_secret();
    let groups = (0..seed.len()).step_by(GROUP);
    let groups = groups.filter_map(|start| seed.get(start..(start + GROUP).min(seed.len())));
    // The declaration of an XML document has no place inside a page.
    let qr_code = started.qr_code.split_once("?>").map_or(&*started.qr_code, |(_, svg)| svg);
    page(&SeedPage {
        frame: Frame::of(person, site, ENGLISH.app_title, paths::FACTORS),
        faults: Faults::default(),
        qr_code,
        groups: groups.collect(),
        uri: started.uri.expose(),
        path: CONFIRM.path,
        code: Field::code("code", ENGLISH.app_code),
    })
}

/// The form with the first code of the app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmationForm {
    code: SecretText,
}

pub(crate) const CONFIRM: Route = Route {
    path: "/console/factors/app/confirm",
    errors: &[
        Code::CsrfFailed,
        Code::WrongCode,
        Code::NoEnrolment,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..START
};

/// Confirms the app by a code of it. All sessions end, and a new one with two factors begins here.
pub(crate) async fn confirm(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    enrolment: web::Data<TotpEnrolment>,
    settings: web::Data<Settings>,
    form: Form<ConfirmationForm>,
) -> Result<HttpResponse, Problem> {
    let (account, session) = person.session()?;
    let code = form.0.code.0;
    let wanted = ConfirmationRequest { account, session, code, origin: origin(&request) };
    match blocking(move || enrolment.confirm(&wanted)).await {
        Ok(confirmed) => {
            person.forget_account();
            let mut response = see(&path_with("app"));
            let (tokens, binding) = (&confirmed.tokens, confirmed.binding.as_ref());
            let secure = settings.secure_cookies;
            set_session(&mut response, tokens, binding, RefreshPlace::Cookie, secure);
            Ok(response)
        }
        Err(problem) if problem.code == Code::NoEnrolment => {
            start_page(&person, &site).again(&problem)
        }
        Err(problem) => confirmation_page(&person, &site).again(&problem),
    }
}

/// The form once more. The app has the seed already, and the server shows it once.
fn confirmation_page<'a>(person: &'a Person, site: &'a Site) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.app_title, paths::FACTORS);
    let mut page = FormPage::new(frame, CONFIRM.path, t.app_confirm);
    page.text = t.app_again;
    page.fields.push(Field::code("code", t.app_code));
    let path = paths::APP.to_owned();
    page.links.push(Link { before: "", label: t.second_step_begin_again, path });
    page
}

pub(crate) const REMOVAL: Route =
    Route { path: "/console/factors/app/remove", guard: Guard::CALLER.recent(), ..SHOW };

/// Asks for the password before the app is removed.
pub(crate) async fn removal(
    person: Person,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    removal_page(&person, &site).show()
}

fn removal_page<'a>(person: &'a Person, site: &'a Site) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.app_remove_title, paths::FACTORS);
    let page = FormPage::credential(frame, REMOVE.path, (t.app_remove_text, t.remove), person);
    FormPage { is_dangerous: true, ..page }
}

pub(crate) const REMOVE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
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
    ..REMOVAL
};

/// Removes the app.
pub(crate) async fn remove(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    enrolment: web::Data<TotpEnrolment>,
    hashing: Hashing,
    form: Form<CurrentForm>,
) -> Result<HttpResponse, Problem> {
    let attempt = async {
        let wanted = form.0.request(&person, &request)?;
        let address = wanted.origin.address;
        hashing.run(address, move || enrolment.remove(&wanted)).await
    };
    match attempt.await {
        Ok(()) => {
            person.forget_account();
            Ok(see(&path_with("removed")))
        }
        Err(problem) => removal_page(&person, &site).again(&problem),
    }
}
