//! `/console/factors/passkeys`: adds, renames and removes passkeys.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{DisplayName, PasskeyId};
use portcullis_flows::sign_in::passkey::{PasskeyRecord, PasskeyRegistrationRequest, Passkeys};
use portcullis_mfa::passkey::RegistrationResponse;
use portcullis_web::{
    Body, Code, FieldProblem, Form, Guard, Hashing, Limit, Method, Problem, RefreshPlace, Route,
    SecretText, Settings, blocking, origin, set_session,
};
use serde::Deserialize;

use super::factors::path_with;
use crate::form::{Field, checked};
use crate::form_page::{FormPage, Link, PasskeyButton, options_json};
use crate::page::{Frame, Person, see};
use crate::paths;
use crate::proof::{self, CurrentForm};
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: "/console/factors/passkeys/add",
    guard: Guard::FACTOR_ENROLMENT.recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Asks for the password before a passkey is added.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    start_page(&person, &site).show()
}

fn start_page<'a>(person: &'a Person, site: &'a Site) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.passkey_title, paths::FACTORS);
    FormPage::credential(frame, START.path, (t.passkey_text, t.second_step_action), person)
}

pub(crate) const START: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoPasskeys,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Makes a challenge, and shows the button that creates the passkey.
pub(crate) async fn start(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    passkeys: web::Data<Passkeys>,
    hashing: Hashing,
    form: Form<CurrentForm>,
) -> Result<HttpResponse, Problem> {
    let attempt = async {
        let wanted = form.0.request(&person, &request)?;
        let address = wanted.origin.address;
        hashing.run(address, move || passkeys.start(&wanted)).await
    };
    match attempt.await {
        Ok(options) => {
            let t = &ENGLISH;
            let frame = Frame::of(&person, &site, t.passkey_title, paths::FACTORS);
            let mut page = FormPage::new(frame, CREATE.path, "");
            page.text = t.passkey_create_text;
            let name = Field::text("name", t.passkey_name, "off").value(t.passkey_default_name);
            page.fields.push(name);
            page.passkey = Some(PasskeyButton::create(options_json(&options)?, t.passkey_create));
            page.show()
        }
        Err(problem) => start_page(&person, &site).again(&problem),
    }
}

/// The form with the new passkey.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPasskeyForm {
    name: String,
    credential: SecretText,
}

pub(crate) const CREATE: Route = Route {
    path: "/console/factors/passkeys/create",
    errors: &[
        Code::CsrfFailed,
        Code::NoEnrolment,
        Code::NoPasskeys,
        Code::PasskeyRefused,
        Code::TooManyPasskeys,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..START
};

/// Adds the passkey. All sessions end, and a new one with two factors begins here.
pub(crate) async fn create(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    passkeys: web::Data<Passkeys>,
    settings: web::Data<Settings>,
    form: Form<NewPasskeyForm>,
) -> Result<HttpResponse, Problem> {
    let (account, session) = person.session()?;
    let attempt = async {
        let name = named(&form.0.name)?;
        let refusal = Code::PasskeyRefused;
        let response = RegistrationResponse::parse(&proof::json(&form.0.credential, refusal)?);
        let response = response.map_err(|_| Problem::new(refusal))?;
        let origin = origin(&request);
        let wanted = PasskeyRegistrationRequest { account, session, response, name, origin };
        blocking(move || passkeys.register(&wanted)).await
    };
    match attempt.await {
        Ok(registered) => {
            person.forget_account();
            let mut response = see(&path_with("passkey"));
            let (tokens, binding) = (&registered.tokens, registered.binding.as_ref());
            let secure = settings.secure_cookies;
            set_session(&mut response, tokens, binding, RefreshPlace::Cookie, secure);
            Ok(response)
        }
        // The challenge is used up: a further try needs another one.
        Err(problem) => start_page(&person, &site).again(&problem),
    }
}

pub(crate) const EDIT: Route = Route {
    path: "/console/factors/passkeys/{id}",
    guard: Guard::CALLER.recent(),
    errors: &[Code::NotFound, Code::Unavailable],
    ..SHOW
};

/// Shows a passkey, to rename or remove it.
pub(crate) async fn edit(
    person: Person,
    site: web::Data<Site>,
    passkeys: web::Data<Passkeys>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let passkey = of_person(&person, passkeys, &id).await?;
    edit_page(&person, &site, &id, &passkey.name).show()
}

fn edit_page<'a>(person: &'a Person, site: &'a Site, id: &str, name: &'a str) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.passkey_one_title, paths::FACTORS);
    let mut page = FormPage::new(frame, format!("{}/{id}", paths::PASSKEYS), t.save);
    page.fields.push(Field::text("name", t.passkey_name, "off").value(name));
    let path = format!("{}/{id}/remove", paths::PASSKEYS);
    page.links.push(Link { before: t.passkey_lost, label: t.passkey_remove, path });
    page
}

/// The form with a name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NameForm {
    name: String,
}

pub(crate) const RENAME: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[Code::CsrfFailed, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
    ..EDIT
};

/// Renames a passkey.
pub(crate) async fn rename(
    person: Person,
    site: web::Data<Site>,
    passkeys: web::Data<Passkeys>,
    id: web::Path<String>,
    form: Form<NameForm>,
) -> Result<HttpResponse, Problem> {
    let (passkey, owner) = (parsed(&id)?, person.session()?);
    let origin = person.principal.origin.clone();
    let attempt = async {
        let name = named(&form.0.name)?;
        blocking(move || passkeys.rename(owner, passkey, &name, &origin)).await
    };
    match attempt.await {
        Ok(()) => Ok(see(paths::FACTORS)),
        Err(problem) if problem.code == Code::NoFactor => Err(Problem::new(Code::NotFound)),
        Err(problem) => edit_page(&person, &site, &id, &form.0.name).again(&problem),
    }
}

pub(crate) const REMOVAL: Route = Route { path: "/console/factors/passkeys/{id}/remove", ..EDIT };

/// Asks for the password before a passkey is removed.
pub(crate) async fn removal(
    person: Person,
    site: web::Data<Site>,
    passkeys: web::Data<Passkeys>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    of_person(&person, passkeys, &id).await?;
    removal_page(&person, &site, &id).show()
}

fn removal_page<'a>(person: &'a Person, site: &'a Site, id: &str) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.passkey_remove, paths::FACTORS);
    let path = format!("{}/{id}/remove", paths::PASSKEYS);
    let page = FormPage::credential(frame, path, (t.passkey_remove_text, t.remove), person);
    FormPage { is_dangerous: true, ..page }
}

pub(crate) const REMOVE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::LastFactor,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..REMOVAL
};

/// Removes a passkey.
pub(crate) async fn remove(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    passkeys: web::Data<Passkeys>,
    hashing: Hashing,
    id: web::Path<String>,
    form: Form<CurrentForm>,
) -> Result<HttpResponse, Problem> {
    let passkey = parsed(&id)?;
    let attempt = async {
        let wanted = form.0.request(&person, &request)?;
        let address = wanted.origin.address;
        hashing.run(address, move || passkeys.remove(passkey, &wanted)).await
    };
    match attempt.await {
        Ok(()) => {
            person.forget_account();
            Ok(see(&path_with("removed")))
        }
        Err(problem) if problem.code == Code::NoFactor => Err(Problem::new(Code::NotFound)),
        Err(problem) => removal_page(&person, &site, &id).again(&problem),
    }
}

async fn of_person(
    person: &Person,
    passkeys: web::Data<Passkeys>,
    id: &str,
) -> Result<PasskeyRecord, Problem> {
    let (id, (account, _)) = (parsed(id)?, person.session()?);
    let own = blocking(move || passkeys.list(account)).await?;
    let own = own.into_iter().find(|passkey| passkey.id == id);
    own.ok_or_else(|| Problem::new(Code::NotFound))
}

fn parsed(id: &str) -> Result<PasskeyId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NotFound))
}

fn named(name: &str) -> Result<DisplayName, Problem> {
    DisplayName::parse(&checked("name", name)?).map_err(|error| {
        let fault = FieldProblem::new("name".to_owned(), "malformed", error.to_string());
        Problem::new(Code::InvalidRequest).field(fault)
    })
}
