//! `/console/forgot-password`: a request for a link that resets a password.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::password_reset_request::PasswordResetRequests;
use portcullis_web::quotas::PASSWORD_RESET;
use portcullis_web::{Body, Code, Form, Limit, Method, Problem, Route, blocking, origin};
use serde::Deserialize;

use crate::form::{Field, checked};
use crate::form_page::{FormPage, Link};
use crate::page::{Frame, see};
use crate::paths;
use crate::sign_in::first_step;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route { path: paths::FORGOT_PASSWORD, ..first_step::SHOW };

/// Shows the form.
pub(crate) async fn show(site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    form_page(&site, "").show()
}

fn form_page<'a>(site: &'a Site, email: &'a str) -> FormPage<'a> {
    let t = &ENGLISH;
    let mut page = FormPage::new(Frame::new(site, t.forgot_title), FORGOT.path, t.forgot_action);
    page.text = t.forgot_text;
    page.fields.push(Field::email("email", t.email).value(email));
    page.links.push(Link { before: "", label: t.back_to_sign_in, path: paths::SIGN_IN.to_owned() });
    page
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgotForm {
    email: String,
}

pub(crate) const FORGOT: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&PASSWORD_RESET),
    body: Body::FORM,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
    ..SHOW
};

/// Sends a link, if an account has the address.
pub(crate) async fn forgot(
    request: HttpRequest,
    site: web::Data<Site>,
    reset_requests: web::Data<PasswordResetRequests>,
    form: Form<ForgotForm>,
) -> Result<HttpResponse, Problem> {
    let email = match checked("email", &form.0.email) {
        Ok(email) => email,
        Err(problem) => return form_page(&site, &form.0.email).again(&problem),
    };
    let origin = origin(&request);
    blocking(move || reset_requests.request(&email, &origin)).await?;
    Ok(see(paths::CHECK_MAIL))
}
