//! `/console/register`: self-registration, and the acceptance of an invitation.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::account_request::AccountRequest;
use portcullis_flows::identity::invitation::{Invitations, InvitedAccount};
use portcullis_flows::identity::registration::{Registered, Registration};
use portcullis_web::quotas::REGISTRATION;
use portcullis_web::{
    Body, Code, Form, Hashing, Limit, Method, Problem, Route, SecretText, origin,
};
use serde::Deserialize;

use super::link;
use crate::form::{Field, checked};
use crate::form_page::{FormPage, Link};
use crate::local_path::LocalPath;
use crate::page::{Frame, query_value, see};
use crate::paths;
use crate::sign_in::first_step::{self, Notice};
use crate::site::Site;
use crate::strings::ENGLISH;

pub(crate) const SHOW: Route = Route { path: paths::REGISTER, ..first_step::SHOW };

/// Shows the form.
pub(crate) async fn show(
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let invitation = query_value(&request, link::TOKEN).unwrap_or_default();
    if invitation.is_empty() {
        site.offers.registration.map_err(Problem::new)?;
    } else {
        link::token(&request)?;
    }
    let typed = RegistrationForm::empty(invitation);
    typed.page(&site).show()
}

/// The form. It has no email address with an invitation, which names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationForm {
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    display_name: String,
    password: SecretText,
    #[serde(default)]
    invitation: String,
}

impl RegistrationForm {
    fn empty(invitation: String) -> Self {
        let empty = String::new;
        let password = SecretText(empty().into());
        Self { username: empty(), email: empty(), display_name: empty(), password, invitation }
    }

    fn page<'a>(&'a self, site: &'a Site) -> FormPage<'a> {
        let t = &ENGLISH;
        let frame = Frame::new(site, t.register_title);
        let mut page = FormPage::new(frame, REGISTER.path, t.register_action);
        let is_invited = !self.invitation.is_empty();
        let name = Field::text("username", t.username, "username").value(&self.username);
        page.fields.push(name.hint(t.username_hint));
        if is_invited {
            page.text = t.register_invited_text;
            page.hidden.push(("invitation", &self.invitation));
        } else {
            page.fields.push(Field::email("email", t.email).value(&self.email));
        }
        let shown = Field::text("display_name", t.display_name, "name").value(&self.display_name);
        page.fields.push(shown.optional());
        let password = Field::password("password", t.password, "new-password");
        page.fields.push(password.hint(t.new_password_hint));
        let (before, label) = (t.register_sign_in_before, t.sign_in_title);
        page.links.push(Link { before, label, path: paths::SIGN_IN.to_owned() });
        page
    }
}

pub(crate) const REGISTER: Route = Route {
    method: Method::Post,
    limit: Limit::rate(&REGISTRATION).priority(portcullis_web::Priority::Low),
    body: Body::FORM,
    errors: &[
        Code::InvitationRequired,
        Code::AdministratorsOnly,
        Code::RegistrationClosed,
        Code::PasswordTooLong,
        Code::UnacceptableAccount,
        Code::InvalidInvitation,
        Code::UsernameTaken,
        Code::EmailTaken,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..SHOW
};

/// Registers an account.
pub(crate) async fn register(
    request: HttpRequest,
    site: web::Data<Site>,
    registration: web::Data<Registration>,
    invitations: web::Data<Invitations>,
    hashing: Hashing,
    form: Form<RegistrationForm>,
) -> Result<HttpResponse, Problem> {
    let typed = form.0;
    match attempt(&request, registration, invitations, &hashing, &typed).await {
        Ok(Registered::Created(_)) => Ok(see(&Notice::Registered.path(&LocalPath::default()))),
        Ok(Registered::Requested) => Ok(see(paths::CHECK_MAIL)),
        Err(problem) => typed.page(&site).again(&problem),
    }
}

async fn attempt(
    request: &HttpRequest,
    registration: web::Data<Registration>,
    invitations: web::Data<Invitations>,
    hashing: &Hashing,
    typed: &RegistrationForm,
) -> Result<Registered, Problem> {
    let username = checked("username", &typed.username)?;
    let email = checked("email", &typed.email)?;
    let display_name = checked("display_name", &typed.display_name)?;
    let display_name = Some(display_name).filter(|name| !name.is_empty());
    let (password, origin) = (typed.password.0.clone(), origin(request));
    let address = origin.address;
    if typed.invitation.is_empty() {
        let wanted = AccountRequest { username, email, password, display_name, origin };
        return hashing.run(address, move || registration.register(&wanted)).await;
    }
    let invitation = typed.invitation.clone().into();
    let email = None;
    let wanted = InvitedAccount { invitation, username, email, password, display_name, origin };
    let accepted = hashing.run(address, move || invitations.accept(wanted)).await?;
    Ok(Registered::Created(Box::new(accepted)))
}
