//! `/console/not-me`: the link "this was not me" of an alert.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::disavowal::Disavowals;
use portcullis_web::quotas::SIGN_IN;
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

pub(crate) const SHOW: Route = Route { path: paths::NOT_ME, ..first_step::SHOW };

/// Asks for the confirmation, and says what it does.
pub(crate) async fn show(
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let t = &ENGLISH;
    let token = link::token(&request)?;
    let mut page = FormPage::new(Frame::new(&site, t.not_me_title), DISAVOW.path, t.not_me_action);
    page.text = t.not_me_text;
    page.hidden.push((link::TOKEN, &token));
    page.is_dangerous = true;
    page.show()
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DisavowalForm {
    token: SecretText,
}

pub(crate) const DISAVOW: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&SIGN_IN),
    body: Body::FORM,
    errors: &[Code::InvalidLink, Code::OutcomeUnknown, Code::Unavailable],
    ..SHOW
};

/// Ends all sessions, blocks sign-in, and mails a link for a new password.
pub(crate) async fn disavow(
    request: HttpRequest,
    site: web::Data<Site>,
    disavowals: web::Data<Disavowals>,
    form: Form<DisavowalForm>,
) -> Result<HttpResponse, Problem> {
    let (token, origin) = (form.0.token.0, origin(&request));
    blocking(move || disavowals.disavow(&token, &origin)).await?;
    let t = &ENGLISH;
    let frame = Frame::new(&site, t.not_me_done_title);
    let (text, action) = (t.not_me_done_text, t.check_mail_action);
    page(&MessagePage { frame, text, action, path: paths::SIGN_IN })
}
