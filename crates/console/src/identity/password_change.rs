//! `/console/password`: the change of the own password.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::password_change::{
    PasswordChange, PasswordChangeRequest, PasswordChanged,
};
use portcullis_web::{
    Body, Code, CookieName, Form, Guard, Hashing, Limit, Method, Problem, RefreshPlace, Route,
    SecretText, Settings, cookie, origin, remember_device, set_session,
};
use serde::Deserialize;

use crate::form::Field;
use crate::form_page::FormPage;
use crate::page::{Frame, Person, see};
use crate::paths;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::PASSWORD,
    guard: Guard::PASSWORD_CHANGE.recent_factor(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// Shows the form.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    form_page(&person, &site).show()
}

pub(crate) const WELL_KNOWN: Route =
    Route { path: "/.well-known/change-password", guard: Guard::PUBLIC, ..SHOW };

/// Leads password managers to the page (W3C "A Well-Known URL for Changing Passwords").
pub(crate) async fn well_known() -> HttpResponse {
    see(SHOW.path)
}

fn form_page<'a>(person: &'a Person, site: &'a Site) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::of(person, site, t.password_title, paths::HOME);
    let mut page = FormPage::new(frame, CHANGE.path, t.password_action);
    page.text = t.password_text;
    if person.account.password_must_change {
        page.notice = t.password_must_change;
    }
    let new = Field::password("new_password", t.new_password, "new-password");
    page.fields = vec![
        Field::password("current_password", t.current_password, "current-password"),
        new.hint(t.new_password_hint),
    ];
    page
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordForm {
    current_password: SecretText,
    new_password: SecretText,
}

pub(crate) const CHANGE: Route = Route {
    method: Method::Post,
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::UnacceptablePassword,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Changes the password. All sessions end, and a new one begins here.
pub(crate) async fn change(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    password_change: web::Data<PasswordChange>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    form: Form<PasswordForm>,
) -> Result<HttpResponse, Problem> {
    match attempt(&person, &request, password_change, &hashing, form.0).await {
        Ok(PasswordChanged { tokens, binding, device_token }) => {
            person.forget_account();
            let mut response = see(&format!("{}?notice=password", paths::HOME));
            let secure = settings.secure_cookies;
            set_session(&mut response, &tokens, binding.as_ref(), RefreshPlace::Cookie, secure);
            remember_device(&mut response, device_token.as_ref(), secure);
            Ok(response)
        }
        Err(problem) if problem.code == Code::InvalidToken => Err(problem),
        Err(problem) => form_page(&person, &site).again(&problem),
    }
}

async fn attempt(
    person: &Person,
    request: &HttpRequest,
    password_change: web::Data<PasswordChange>,
    hashing: &Hashing,
    form: PasswordForm,
) -> Result<PasswordChanged, Problem> {
    let (account, session) = person.session()?;
    let wanted = PasswordChangeRequest {
        account,
        session,
        current: form.current_password.0,
        new: form.new_password.0,
        device_token: cookie(request, CookieName::Device)?,
        origin: origin(request),
    };
    let address = wanted.origin.address;
    hashing.run(address, move || password_change.change(&wanted)).await
}
