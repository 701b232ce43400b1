//! `/console/reset-password`: a new password by a mailed link.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::password_reset::{PasswordResetRequest, PasswordResets};
use portcullis_web::quotas::SIGN_IN;
use portcullis_web::{
    Body, Code, Form, Hashing, Limit, Method, Problem, Route, SecretText, Settings, forget_session,
    origin,
};
use serde::Deserialize;

use super::link;
use crate::form::Field;
use crate::form_page::FormPage;
use crate::local_path::LocalPath;
use crate::page::{Frame, see};
use crate::paths;
use crate::sign_in::first_step::{self, Notice};
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route { path: paths::RESET_PASSWORD, ..first_step::SHOW };

/// Shows the form.
pub(crate) async fn show(
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let token = link::token(&request)?;
    form_page(&site, &token).show()
}

fn form_page<'a>(site: &'a Site, token: &'a str) -> FormPage<'a> {
    let t = &ENGLISH;
    let mut page = FormPage::new(Frame::new(site, t.reset_title), RESET.path, t.reset_action);
    page.text = t.reset_text;
    page.hidden.push((link::TOKEN, token));
    let field = Field::password("new_password", t.new_password, "new-password");
    page.fields.push(field.hint(t.new_password_hint));
    page
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetForm {
    token: String,
    new_password: SecretText,
}

pub(crate) const RESET: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&SIGN_IN),
    body: Body::FORM,
    errors: &[
        Code::InvalidLink,
        Code::PasswordTooLong,
        Code::UnacceptablePassword,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Sets the new password.
pub(crate) async fn reset(
    request: HttpRequest,
    site: web::Data<Site>,
    resets: web::Data<PasswordResets>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    form: Form<ResetForm>,
) -> Result<HttpResponse, Problem> {
    let ResetForm { token, new_password } = form.0;
    let wanted = PasswordResetRequest {
        token: token.clone().into(),
        new: new_password.0,
        origin: origin(&request),
    };
    let address = wanted.origin.address;
    match hashing.run(address, move || resets.reset(&wanted)).await {
        Ok(()) => {
            let mut response = see(&Notice::Reset.path(&LocalPath::default()));
            // All sessions have ended, that of this browser too.
            forget_session(&mut response, settings.secure_cookies);
            Ok(response)
        }
        Err(problem) if problem.code == Code::InvalidLink => Err(problem),
        Err(problem) => form_page(&site, &token).again(&problem),
    }
}
