//! `/console/confirm-email`: the mailed link that confirms a new address.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::email_change::EmailChange;
use portcullis_web::quotas::MAILED_LINKS;
use portcullis_web::{
    Body, Code, Form, Limit, Method, Problem, Route, SecretText, blocking, origin,
};
use serde::Deserialize;

use super::link;
use crate::form_page::{FormPage, MessagePage};
use crate::page::{Frame, page};
use crate::paths;
use crate::sign_in::first_step;
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route { path: paths::CONFIRM_EMAIL, ..first_step::SHOW };

/// Asks for the confirmation.
pub(crate) async fn show(
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let t = &ENGLISH;
    let token = link::token(&request)?;
    let frame = Frame::new(&site, t.confirm_email_title);
    let mut page = FormPage::new(frame, CONFIRM.path, t.verify_action);
    page.text = t.confirm_email_text;
    page.hidden.push((link::TOKEN, &token));
    page.show()
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmationForm {
    token: SecretText,
}

pub(crate) const CONFIRM: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&MAILED_LINKS),
    body: Body::FORM,
    errors: &[Code::InvalidLink, Code::EmailTaken, Code::OutcomeUnknown, Code::Unavailable],
    ..SHOW
};

/// Gives the account its new address.
pub(crate) async fn confirm(
    request: HttpRequest,
    site: web::Data<Site>,
    email_change: web::Data<EmailChange>,
    form: Form<ConfirmationForm>,
) -> Result<HttpResponse, Problem> {
    let (token, origin) = (form.0.token.0, origin(&request));
    let account = blocking(move || email_change.confirm(&token, &origin)).await?;
    let t = &ENGLISH;
    let text = format!("{} {}", t.confirm_email_done_text, account.email.as_str());
    let frame = Frame::new(&site, t.confirm_email_done_title);
    page(&MessagePage { frame, text: &text, action: t.error_page_begin, path: paths::HOME })
}
