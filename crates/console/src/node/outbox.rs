//! `/console/admin/outbox`: the mails, the newest first, and their resending.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::MessageId;
use portcullis_flows::access::permission;
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{
    FailureClass, MailSearch, MailState, OutboxAdministration, OutboxMail,
};
use portcullis_web::{Body, Code, Form, Guard, Limit, Method, Problem, Query, Route, blocking};

use crate::form::{Faults, IdForm};
use crate::moment::Moment;
use crate::page::{Frame, Person, notice, page, refused, see, shared};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "outbox.html")]
struct OutboxPage<'a> {
    frame: Frame<'a>,
    faults: Faults,
    notice: &'a str,
    states: [&'static str; 4],
    state: String,
    kind: String,
    users: &'static str,
    may_resend: bool,
    mails: Vec<Item>,
    next: Option<String>,
}

/// A mail in the list.
struct Item {
    id: MessageId,
    kind: String,
    account: String,
    state: &'static str,
    is_bad: bool,
    is_open: bool,
    created_at: Moment,
    due_at: Option<Moment>,
    attempts: u32,
    failure: &'static str,
}

impl From<OutboxMail> for Item {
    fn from(mail: OutboxMail) -> Self {
        Self {
            id: mail.id,
            kind: mail.kind,
            account: mail.account.map(|account| account.to_string()).unwrap_or_default(),
            state: mail.state.as_str(),
            is_bad: mail.state == MailState::Dead,
            is_open: matches!(mail.state, MailState::Dead | MailState::Waiting),
            created_at: Moment(mail.created_at),
            due_at: mail.due_at.map(Moment),
            attempts: mail.attempts,
            failure: mail.failure.map_or("", FailureClass::as_str),
        }
    }
}

/// The mails on a page.
const PAGE: u32 = 50;

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: Section::Outbox.path(),
    guard: Guard::permitted(Section::Outbox.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the mails of a state and a kind.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    page(&outbox_page(&person, &request, &site).await?)
}

async fn outbox_page<'a>(
    person: &'a Person,
    request: &HttpRequest,
    site: &'a Site,
) -> Result<OutboxPage<'a>, Problem> {
    let query = Query::read(request, &["state", "kind", "cursor", "notice"])?.without_empty();
    let search = MailSearch {
        state: query.value("state").and_then(MailState::of),
        kind: query.value("kind").and_then(Mail::known_kind),
        before: query.value("cursor").and_then(|cursor| cursor.parse().ok()),
        most: PAGE,
    };
    let outbox = shared::<OutboxAdministration>(request)?;
    let found = blocking(move || outbox.list(&search)).await?;
    let text = |key: &str| query.value(key).unwrap_or_default().to_owned();
    let next = found.next.map(|next| query.with("cursor", &next.to_string()));
    let is_resent = notice(request).as_deref() == Some("resent");
    Ok(OutboxPage {
        frame: Frame::of(person, site, ENGLISH.outbox_title, LIST.path),
        faults: Faults::default(),
        notice: if is_resent { ENGLISH.resent } else { "" },
        states: MailState::ALL.map(MailState::as_str),
        state: text("state"),
        kind: text("kind"),
        users: Section::Accounts.path(),
        may_resend: person.may(request, permission::RESEND_MAILS)?,
        mails: found.mails.into_iter().map(Item::from).collect(),
        next: next.map(|next| format!("{}?{next}", LIST.path)),
    })
}

pub(crate) const RESEND: Route = Route {
    method: Method::Post,
    path: "/console/admin/outbox/resend",
    guard: Guard::permitted(&[permission::READ_OUTBOX, permission::RESEND_MAILS]).recent(),
    body: Body::FORM,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::MailOver,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
    ..LIST
};

/// Makes a mail due now, unless what it is about is over.
pub(crate) async fn resend(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    outbox: web::Data<OutboxAdministration>,
    form: Form<IdForm>,
) -> Result<HttpResponse, Problem> {
    let id: MessageId = form.0.id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let principal = person.principal.clone();
    match blocking(move || outbox.resend(&principal, id)).await {
        Ok(_) => Ok(see(&format!("{}?notice=resent", LIST.path))),
        Err(problem) if problem.code == Code::NotFound => Err(problem),
        Err(problem) => {
            let shown = outbox_page(&person, &request, &site).await?;
            refused(&problem, &OutboxPage { faults: Faults::of(&problem), ..shown })
        }
    }
}
