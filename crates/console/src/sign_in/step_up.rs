//! `/console/confirm`: proves the second factor again, before an action that requires a recent one.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::sign_in::ChallengeError;
use portcullis_flows::sign_in::step_up::{FactorStepUp, StepUpRequest};
use portcullis_web::{
    Body, Code, Form, Guard, Hashing, Limit, Method, Problem, Route, SecretText, Settings, origin,
    set_access,
};
use serde::Deserialize;

use super::first_step::Notice;
use crate::form::Field;
use crate::form_page::{FormPage, Link, PasskeyButton};
use crate::local_path::{LocalPath, NEXT};
use crate::page::{Frame, Person, see};
use crate::paths;
use crate::proof::factor;
use crate::site::Site;
use crate::strings::ENGLISH;

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
    form_page(&person, &site, &next).show()
}

fn form_page<'a>(person: &'a Person, site: &'a Site, next: &'a LocalPath) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.confirm_title, "");
    let mut page = FormPage::new(frame, CONFIRM.path, t.second_step_action);
    page.text = t.confirm_text;
    page.hidden.push((NEXT, next.as_str()));
    page.fields.push(Field::code("code", t.code).or_passkey());
    page.passkey = Some(PasskeyButton::step_up(t.use_passkey));
    let path = Notice::TooOld.path(next);
    page.links.push(Link { before: t.confirm_other_before, label: t.signed_out_action, path });
    page
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmForm {
    code: Option<SecretText>,
    credential: Option<SecretText>,
    #[serde(default)]
    next: String,
}

pub(crate) const CONFIRM: Route = Route {
    method: Method::Post,
    guard: Guard::CALLER,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::WrongCode,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Proves the second factor.
pub(crate) async fn confirm(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    step_up: web::Data<FactorStepUp>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    form: Form<ConfirmForm>,
) -> Result<HttpResponse, Problem> {
    let next = LocalPath::parse(&form.0.next);
    let (account, session) = person.session()?;
    let methods = person.principal.methods().to_vec();
    let attempt = async {
        let answer = factor(form.0.code, form.0.credential, Code::WrongCode)?;
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
            let mut response = see(next.as_str());
            set_access(&mut response, &issued, settings.secure_cookies);
            Ok(response)
        }
        Ok(None) => Err(Problem::new(Code::InvalidToken)),
        Err(problem) => form_page(&person, &site, &next).again(&problem),
    }
}
