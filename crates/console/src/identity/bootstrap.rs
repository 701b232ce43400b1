//! `/console/setup`: the first administrator, with the setup token that the server printed.
//!
//! The page tells no more than the API route: that also answers an account that cannot be created only while
//! setup is open.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::Account;
use portcullis_flows::identity::account_request::AccountRequest;
use portcullis_flows::identity::bootstrap::Bootstrap;
use portcullis_web::quotas::SIGN_IN;
use portcullis_web::{
    Body, Code, Form, Hashing, Limit, Method, Problem, Route, SecretText, blocking, origin,
};
use serde::Deserialize;

use crate::form::{Field, checked};
use crate::form_page::{FormPage, MessagePage};
use crate::local_path::LocalPath;
use crate::page::{Frame, page, refused, see};
use crate::paths;
use crate::sign_in::first_step::{self, Notice};
use crate::site::Site;
use crate::strings::{ENGLISH, SETUP};

pub(crate) const SHOW: Route = Route {
    path: paths::SETUP,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
    ..first_step::SHOW
};

/// Shows the form while setup is open.
pub(crate) async fn show(
    site: web::Data<Site>,
    bootstrap: web::Data<Bootstrap>,
) -> Result<HttpResponse, Problem> {
    if blocking(move || bootstrap.is_open()).await? {
        return form_page(&site, "", "").show();
    }
    page(&closed(&site))
}

fn form_page<'a>(site: &'a Site, username: &'a str, email: &'a str) -> FormPage<'a> {
    let t = &ENGLISH;
    let mut page = FormPage::new(Frame::new(site, SETUP.title), SET_UP.path, SETUP.action);
    page.text = SETUP.text;
    let name = Field::text("username", t.username, "username").value(username);
    page.fields = vec![
        Field::password("setup_token", SETUP.token, "off").hint(SETUP.token_hint),
        name.hint(t.username_hint),
        Field::email("email", t.email).value(email),
        Field::password("password", t.password, "new-password").hint(t.new_password_hint),
    ];
    page
}

fn closed(site: &Site) -> MessagePage<'_> {
    let frame = Frame::new(site, SETUP.closed_title);
    let (text, action) = (SETUP.closed_text, SETUP.closed_action);
    MessagePage { frame, text, action, path: paths::SIGN_IN }
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupForm {
    setup_token: SecretText,
    username: String,
    email: String,
    password: SecretText,
}

pub(crate) const SET_UP: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&SIGN_IN),
    body: Body::FORM,
    errors: &[
        Code::InvalidSetupToken,
        Code::PasswordTooLong,
        Code::UnacceptableAccount,
        Code::UsernameTaken,
        Code::EmailTaken,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Creates the first administrator, who then signs in, to the first steps.
pub(crate) async fn set_up(
    request: HttpRequest,
    site: web::Data<Site>,
    bootstrap: web::Data<Bootstrap>,
    hashing: Hashing,
    form: Form<SetupForm>,
) -> Result<HttpResponse, Problem> {
    let typed = form.0;
    let Err(problem) = attempt(&request, bootstrap.clone(), &hashing, &typed).await else {
        return Ok(see(&Notice::SetUp.path(&LocalPath::parse(paths::FIRST_STEPS))));
    };
    if problem.code == Code::InvalidSetupToken && !blocking(move || bootstrap.is_open()).await? {
        return refused(&problem, &closed(&site));
    }
    form_page(&site, &typed.username, &typed.email).again(&problem)
}

async fn attempt(
    request: &HttpRequest,
    bootstrap: web::Data<Bootstrap>,
    hashing: &Hashing,
    typed: &SetupForm,
) -> Result<Account, Problem> {
    let token = typed.setup_token.0.clone();
    let wanted = AccountRequest {
        username: checked("username", &typed.username)?,
        email: checked("email", &typed.email)?,
        password: typed.password.0.clone(),
        display_name: None,
        origin: origin(request),
    };
    let address = wanted.origin.address;
    hashing.run(address, move || bootstrap.redeem(&token, &wanted)).await
}
