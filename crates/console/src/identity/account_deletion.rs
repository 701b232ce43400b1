//! `/console/delete-account`: the deletion of the own account.

use actix_web::{HttpResponse, web};
use portcullis_flows::identity::account_deletion::OwnDeletion;
use portcullis_web::{
    Body, Code, Form, Guard, Hashing, Limit, Method, Problem, Route, Settings, forget_session,
};

use crate::form_page::{FormPage, MessagePage};
use crate::page::{Frame, Person, page};
use crate::paths;
use crate::proof::CurrentForm;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::DELETE_ACCOUNT,
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Shows the form.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    form_page(&person, &site).show()
}

fn form_page<'a>(person: &'a Person, site: &'a Site) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.delete_title, paths::HOME);
    let page = FormPage::credential(frame, DELETE.path, (t.delete_text, t.delete_action), person);
    FormPage { is_dangerous: true, ..page }
}

pub(crate) const DELETE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::DeletionNotAllowed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::LastAdministrator,
        Code::MatrixSuperseded,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Deletes the account.
pub(crate) async fn delete(
    person: Person,
    site: web::Data<Site>,
    deletion: web::Data<OwnDeletion>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    form: Form<CurrentForm>,
) -> Result<HttpResponse, Problem> {
    let principal = person.principal.clone();
    let address = principal.origin.address;
    let attempt = async {
        let current = form.0.current()?;
        hashing.run(address, move || deletion.delete(&principal, current)).await
    };
    match attempt.await {
        Ok(()) => {
            person.forget_account();
            let t = &ENGLISH;
            let frame = Frame::new(&site, t.delete_done_title);
            let (text, action) = (t.delete_done_text, t.check_mail_action);
            let mut response = page(&MessagePage { frame, text, action, path: paths::SIGN_IN })?;
            forget_session(&mut response, settings.secure_cookies);
            Ok(response)
        }
        Err(problem) if problem.code == Code::InvalidToken => Err(problem),
        Err(problem) => form_page(&person, &site).again(&problem),
    }
}
