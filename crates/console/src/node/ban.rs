//! `/console/admin/bans`: the banned addresses.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_flows::access::permission;
use portcullis_flows::node::ban::{Ban, BanAdministration};
use portcullis_rate_limit::AddressPrefix;
use portcullis_web::{
    Body, Code, FieldProblem, Form, Guard, Limit, Method, Problem, Query, Route, blocking,
};
use serde::Deserialize;

use crate::form::{Faults, Field, checked};
use crate::moment::Moment;
use crate::page::{Frame, Person, page, refused, see, shared};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "bans.html")]
struct BansPage<'a> {
    frame: Frame<'a>,
    faults: Faults,
    fields: Vec<Field<'a>>,
    may_change: bool,
    bans: Vec<Item>,
    next: Option<String>,
}

/// A ban in the list.
struct Item {
    addresses: String,
    address: String,
    until: Moment,
    imposed_by: String,
    reason: String,
}

impl From<Ban> for Item {
    fn from(ban: Ban) -> Self {
        let by = ban.imposed_by.map(|actor| actor.to_string());
        Self {
            addresses: ban.addresses.to_string(),
            address: ban.addresses.first_address().to_string(),
            until: Moment(ban.ends_at),
            imposed_by: by.unwrap_or_else(|| ENGLISH.imposed_automatically.to_owned()),
            reason: ban.reason.unwrap_or_default(),
        }
    }
}

/// The bans on a page.
const PAGE: u32 = 50;

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: Section::Bans.path(),
    guard: Guard::permitted(Section::Bans.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the bans in force.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["cursor"])?;
    let cursor = query.value("cursor").and_then(|cursor| cursor.parse().ok());
    page(&bans_page(&person, &request, &site, cursor, &BanForm::default()).await?)
}

async fn bans_page<'a>(
    person: &'a Person,
    request: &HttpRequest,
    site: &'a Site,
    cursor: Option<AddressPrefix>,
    typed: &'a BanForm,
) -> Result<BansPage<'a>, Problem> {
    let administration = shared::<BanAdministration>(request)?;
    let found = blocking(move || administration.list(cursor, PAGE)).await?;
    let t = &ENGLISH;
    Ok(BansPage {
        frame: Frame::of(person, site, t.bans_title, LIST.path),
        faults: Faults::default(),
        fields: vec![
            Field::text("address", t.address, "off").value(&typed.address),
            Field::number("hours", t.ban_hours).value(typed.hours_or_day()),
            Field::text("reason", t.reason, "off").value(&typed.reason).optional(),
        ],
        may_change: person.may(request, permission::CHANGE_BANS)?,
        bans: found.bans.into_iter().map(Item::from).collect(),
        next: found.next.map(|next| format!("{}?cursor={}", LIST.path, next.first_address())),
    })
}

/// The form.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BanForm {
    pub(crate) address: String,
    pub(crate) hours: String,
    pub(crate) reason: String,
}

impl BanForm {
    fn hours_or_day(&self) -> &str {
        if self.hours.is_empty() { "24" } else { &self.hours }
    }

    /// Bans the address of the form, on all nodes within a second.
    pub(crate) async fn impose(
        &self,
        person: &Person,
        administration: web::Data<BanAdministration>,
    ) -> Result<(), Problem> {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let fault = |field: &str, code, message: &'static str| {
            Problem::invalid(vec![FieldProblem::new(field.to_owned(), code, message)])
        };
        let address = self.address.trim().parse::<AddressPrefix>();
        let addresses =
            address.map_err(|_| fault("address", "malformed", ENGLISH.address_fault))?;
        let hours = self.hours.trim().parse::<u16>().ok().filter(|hours| *hours > 0);
        let duration = hours.map(|hours| HOUR * u32::from(hours));
        let duration = duration.filter(|duration| *duration <= BanAdministration::MAX_DURATION);
        let duration =
            duration.ok_or_else(|| fault("hours", "out_of_range", ENGLISH.ban_hours_fault))?;
        let reason = checked("reason", &self.reason)?;
        let principal = person.principal.clone();
        let impose = move || administration.impose(&principal, addresses, duration, &reason);
        blocking(impose).await.map(drop)
    }
}

pub(crate) const IMPOSE: Route = Route {
    method: Method::Post,
    guard: Guard::permitted(&[permission::CHANGE_BANS, permission::READ_BANS]).recent(),
    body: Body::FORM,
    errors: &[Code::CsrfFailed, Code::UnbannableAddress, Code::OutcomeUnknown, Code::Unavailable],
    ..LIST
};

/// Bans an address.
pub(crate) async fn impose(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    administration: web::Data<BanAdministration>,
    form: Form<BanForm>,
) -> Result<HttpResponse, Problem> {
    let typed = form.0;
    let Err(problem) = typed.impose(&person, administration).await else {
        return Ok(see(LIST.path));
    };
    let mut shown = bans_page(&person, &request, &site, None, &typed).await?;
    shown.faults = Faults::marked(&problem, &mut shown.fields);
    refused(&problem, &shown)
}

/// The form of one ban.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiftForm {
    address: String,
}

pub(crate) const LIFT: Route = Route {
    path: "/console/admin/bans/lift",
    errors: &[Code::CsrfFailed, Code::NotBanned, Code::OutcomeUnknown, Code::Unavailable],
    ..IMPOSE
};

/// Lifts a ban, and forgets the former bans of the address.
pub(crate) async fn lift(
    person: Person,
    administration: web::Data<BanAdministration>,
    form: Form<LiftForm>,
) -> Result<HttpResponse, Problem> {
    let addresses = form.0.address.parse().map_err(|_| Problem::new(Code::NotBanned))?;
    let principal = person.principal.clone();
    blocking(move || administration.lift(&principal, addresses)).await?;
    Ok(see(LIST.path))
}
