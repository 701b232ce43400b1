//! `/console/email`: asks for another email address.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::email_change::{EmailChange, EmailChangeRequest};
use portcullis_web::quotas::MAILED_LINKS;
use portcullis_web::{Body, Code, Form, Guard, Hashing, Limit, Method, Problem, Route, SecretText};
use serde::Deserialize;

use crate::form::{Field, checked};
use crate::form_page::FormPage;
use crate::page::{Frame, Person, see};
use crate::paths;
use crate::proof::CurrentForm;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::EMAIL,
    guard: Guard::CALLER.recent_factor(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Shows the form.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    form_page(&person, &site, "").show()
}

fn form_page<'a>(person: &'a Person, site: &'a Site, email: &'a str) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.email_title, paths::HOME);
    let mut page = FormPage::new(frame, CHANGE.path, t.email_action);
    page.text = t.email_text;
    page.fields.push(Field::email("email", t.new_email).value(email));
    page.reauthenticate(person);
    page
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailForm {
    email: String,
    current_password: Option<SecretText>,
    credential: Option<SecretText>,
}

pub(crate) const CHANGE: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&MAILED_LINKS),
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::UnacceptableAccount,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Mails a link to the new address. The answer is the same for an address that has an account.
pub(crate) async fn change(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    email_change: web::Data<EmailChange>,
    hashing: Hashing,
    form: Form<EmailForm>,
) -> Result<HttpResponse, Problem> {
    let EmailForm { email: typed, current_password, credential } = form.0;
    let attempt = async {
        let email = checked("email", &typed)?;
        let caller = CurrentForm { current_password, credential }.request(&person, &request)?;
        let address = caller.origin.address;
        let wanted = EmailChangeRequest { caller, email };
        hashing.run(address, move || email_change.request(&wanted)).await
    };
    match attempt.await {
        Ok(()) => Ok(see(paths::CHECK_MAIL)),
        Err(problem) => form_page(&person, &site, &typed).again(&problem),
    }
}
