//! `/console/factors/backup-codes`: makes backup codes, which are shown once.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::sign_in::backup_code::BackupCodes;
use portcullis_mfa::BackupCode;
use portcullis_web::{Body, Code, Form, Guard, Hashing, Limit, Method, Problem, Route};

use crate::form_page::FormPage;
use crate::page::{Frame, Person, page};
use crate::paths;
use crate::proof::CurrentForm;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::BACKUP_CODES,
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Asks for the password before codes are made.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    form_page(&person, &site).show()
}

fn form_page<'a>(person: &'a Person, site: &'a Site) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.backup_title, paths::FACTORS);
    FormPage::credential(frame, GENERATE.path, (t.backup_text, t.backup_action), person)
}

pub(crate) const GENERATE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoFactor,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// The page with the codes.
#[derive(Template)]
#[template(path = "backup_codes.html")]
struct CodesPage<'a> {
    frame: Frame<'a>,
    codes: Vec<SecretString>,
    factors: &'static str,
}

/// Makes ten codes in place of all earlier ones.
pub(crate) async fn generate(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    backup_codes: web::Data<BackupCodes>,
    hashing: Hashing,
    form: Form<CurrentForm>,
) -> Result<HttpResponse, Problem> {
    let attempt = async {
        let wanted = form.0.request(&person, &request)?;
        let address = wanted.origin.address;
        hashing.run(address, move || backup_codes.generate(&wanted)).await
    };
    match attempt.await {
        Ok(codes) => page(&CodesPage {
            frame: Frame::of(&person, &site, ENGLISH.backup_title, paths::FACTORS),
            codes: codes.iter().map(BackupCode::to_groups).collect(),
            factors: paths::FACTORS,
        }),
        Err(problem) => form_page(&person, &site).again(&problem),
    }
}
