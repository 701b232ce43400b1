//! `/console/admin/invitations`: invites people, and revokes invitations.

use std::slice;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::InvitationId;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::access::permission;
use portcullis_flows::identity::invitation::{Invitation, InvitationPage as Found, Invitations};
use portcullis_flows::identity::provisioning::PersonKind;
use portcullis_web::{Body, Code, Form, Guard, Limit, Method, Problem, Query, Route, blocking};
use serde::Deserialize;

use crate::form::{Faults, Field, IdForm, checked};
use crate::page::{Frame, Person, page, refused, see, shared};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "invitations.html")]
struct InvitationsPage<'a> {
    frame: Frame<'a>,
    faults: Faults,
    email: Field<'a>,
    roles: Vec<String>,
    wanted_role: &'a str,
    wanted_kind: &'a str,
    invitations: Vec<Invitation>,
    next: Option<String>,
}

/// The invitations on a page.
const PAGE: u32 = 50;

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: Section::Invitations.path(),
    guard: Guard::permitted(Section::Invitations.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the invitations that wait.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["cursor"])?;
    let cursor = query.value("cursor").and_then(|cursor| cursor.parse().ok());
    let nothing = InvitationForm::default();
    page(&invitations_page(&person, &request, &site, cursor, &nothing).await?)
}

async fn invitations_page<'a>(
    person: &'a Person,
    request: &HttpRequest,
    site: &'a Site,
    cursor: Option<InvitationId>,
    typed: &'a InvitationForm,
) -> Result<InvitationsPage<'a>, Problem> {
    let invitations = shared::<Invitations>(request)?;
    let Found { invitations, next } = blocking(move || invitations.list(cursor, PAGE)).await?;
    let matrix = shared::<Matrices>(request)?.active().load();
    let t = &ENGLISH;
    let default_role = matrix.self_registration_role.as_str().to_owned();
    let mut roles: Vec<String> = matrix.matrix.roles().map(str::to_owned).collect();
    // The role that most people get comes first.
    roles.sort_by_key(|role| *role != default_role);
    Ok(InvitationsPage {
        frame: Frame::of(person, site, t.invitations_title, LIST.path),
        faults: Faults::default(),
        email: Field::email("email", t.email).value(&typed.email),
        roles,
        wanted_role: &typed.role,
        wanted_kind: &typed.kind,
        invitations,
        next: next.map(|next| format!("{}?cursor={next}", LIST.path)),
    })
}

/// The form.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationForm {
    email: String,
    role: String,
    kind: String,
}

pub(crate) const CREATE: Route = Route {
    method: Method::Post,
    guard: Guard::permitted(&[permission::INVITE]).recent(),
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::AboveOwnRole,
        Code::AdministratorsOnly,
        Code::RegistrationClosed,
        Code::UnacceptableAccount,
        Code::EmailTaken,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..LIST
};

/// Invites the holder of an address, who gets a mail.
pub(crate) async fn create(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    invitations: web::Data<Invitations>,
    form: Form<InvitationForm>,
) -> Result<HttpResponse, Problem> {
    let typed = form.0;
    let attempt = async {
        let (email, role) = (checked("email", &typed.email)?, checked("role", &typed.role)?);
        let is_developer = typed.kind == "developer";
        let kind = if is_developer { PersonKind::Developer } else { PersonKind::User };
        let principal = person.principal.clone();
        blocking(move || invitations.invite(&principal, &email, &role, kind)).await
    };
    match attempt.await {
        Ok(_) => Ok(see(LIST.path)),
        Err(problem) => {
            let mut shown = invitations_page(&person, &request, &site, None, &typed).await?;
            shown.faults = Faults::marked(&problem, slice::from_mut(&mut shown.email));
            refused(&problem, &shown)
        }
    }
}

pub(crate) const REVOKE: Route = Route {
    path: "/console/admin/invitations/revoke",
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..CREATE
};

/// Revokes an invitation.
pub(crate) async fn revoke(
    person: Person,
    invitations: web::Data<Invitations>,
    form: Form<IdForm>,
) -> Result<HttpResponse, Problem> {
    let id: InvitationId = form.0.id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let principal = person.principal.clone();
    blocking(move || invitations.revoke(&principal, id)).await?;
    Ok(see(LIST.path))
}
