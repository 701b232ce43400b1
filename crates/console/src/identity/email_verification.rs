//! `/console/verify-email`: the mailed link that verifies an address, and another one.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{Account, Email};
use portcullis_flows::identity::email_verification::EmailVerification;
use portcullis_flows::identity::pending_registration::NameChoice;
use portcullis_web::quotas::MAILED_LINKS;
use portcullis_web::{
    Body, Code, Form, Hashing, Limit, Method, Priority, Problem, Route, SecretText, blocking,
    origin,
};
use serde::Deserialize;

use super::link;
use crate::form::{Field, checked};
use crate::form_page::{FormPage, Link, MessagePage};
use crate::page::{Frame, page, see};
use crate::paths;
use crate::sign_in::first_step;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route { path: paths::VERIFY_EMAIL, ..first_step::SHOW };

/// Asks for the confirmation.
pub(crate) async fn show(
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let token = link::token(&request)?;
    confirmation(&site, &token, None).show()
}

/// The page; with the fields of another name if the wanted one is taken.
fn confirmation<'a>(site: &'a Site, token: &'a str, username: Option<&'a str>) -> FormPage<'a> {
    let t = &ENGLISH;
    let frame = Frame::new(site, t.verify_title);
    let mut page = FormPage::new(frame, VERIFY.path, t.verify_action);
    page.text = t.verify_text;
    page.hidden.push((link::TOKEN, token));
    if let Some(username) = username {
        page.text = t.verify_choice_text;
        let name = Field::text("username", t.username, "username").value(username);
        let password = Field::password("password", t.password, "new-password");
        page.fields = vec![name.hint(t.username_hint), password.hint(t.new_password_hint)];
    }
    page
}

/// The form. A name and a password are sent together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerificationForm {
    token: String,
    username: Option<String>,
    password: Option<SecretText>,
}

pub(crate) const VERIFY: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&MAILED_LINKS),
    body: Body::FORM,
    errors: &[
        Code::InvalidLink,
        Code::InvitationRequired,
        Code::AdministratorsOnly,
        Code::RegistrationClosed,
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

/// Verifies the address.
pub(crate) async fn verify(
    request: HttpRequest,
    site: web::Data<Site>,
    verification: web::Data<EmailVerification>,
    hashing: Hashing,
    form: Form<VerificationForm>,
) -> Result<HttpResponse, Problem> {
    let VerificationForm { token, username, password } = form.0;
    let choice = username.as_deref().zip(password);
    match attempt(&request, verification, &hashing, &token, choice).await {
        Ok(account) => {
            let t = &ENGLISH;
            let text = format!("{} {}.", t.verified_text, account.username.as_str());
            let frame = Frame::new(&site, t.verified_title);
            page(&MessagePage {
                frame,
                text: &text,
                action: t.sign_in_action,
                path: paths::SIGN_IN,
            })
        }
        Err(problem) if problem.code == Code::InvalidLink => Err(problem),
        Err(problem) => {
            // Another name may be chosen.
            let is_taken = problem.code == Code::UsernameTaken;
            let username = username.as_deref().or_else(|| is_taken.then_some(""));
            confirmation(&site, &token, username).again(&problem)
        }
    }
}

async fn attempt(
    request: &HttpRequest,
    verification: web::Data<EmailVerification>,
    hashing: &Hashing,
    token: &str,
    choice: Option<(&str, SecretText)>,
) -> Result<Account, Problem> {
    let choice = choice.map(|(username, password)| {
        Ok::<_, Problem>(NameChoice {
            username: checked("username", username)?,
            password: password.0,
        })
    });
    let (choice, origin, token) = (choice.transpose()?, origin(request), token.to_owned().into());
    let address = origin.address;
    let verify = move || verification.verify(&token, choice, &origin);
    Ok(hashing.run(address, verify).await?.account)
}

pub(crate) const ASK: Route = Route { path: paths::RESEND, ..first_step::SHOW };

/// Shows the form for another link.
pub(crate) async fn ask(site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    let t = &ENGLISH;
    let mut page = FormPage::new(Frame::new(&site, t.resend_title), RESEND.path, t.resend_action);
    page.text = t.resend_text;
    page.fields.push(Field::email("email", t.email));
    page.links.push(Link { before: "", label: t.back_to_sign_in, path: paths::SIGN_IN.to_owned() });
    page.show()
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendForm {
    email: String,
}

pub(crate) const RESEND: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&MAILED_LINKS).priority(Priority::Low),
    body: Body::FORM,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
    ..ASK
};

/// Sends another link, if the address needs one.
pub(crate) async fn resend(
    request: HttpRequest,
    verification: web::Data<EmailVerification>,
    form: Form<ResendForm>,
) -> Result<HttpResponse, Problem> {
    // A malformed address has no account, and the person may know that.
    if let Ok(email) = Email::stored(&form.0.email) {
        let origin = origin(&request);
        blocking(move || verification.resend(&email, &origin)).await?;
    }
    Ok(see(paths::CHECK_MAIL))
}
