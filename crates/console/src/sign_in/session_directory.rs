//! `/console/admin/sessions`: the sessions of all accounts, the newest first.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{AccountId, SessionId};
use portcullis_flows::sign_in::session_directory::SessionDirectory;
use portcullis_web::{Body, Code, Guard, Limit, Method, Problem, Query, Route, blocking};

use super::session::SessionItem;
use crate::page::{Frame, Person, page};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "all_sessions.html")]
struct SessionsPage<'a> {
    frame: Frame<'a>,
    users: &'static str,
    sessions: Vec<(AccountId, String, SessionItem)>,
    next: Option<String>,
}

/// The sessions on a page.
const PAGE: u32 = 50;

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: Section::Sessions.path(),
    guard: Guard::permitted(Section::Sessions.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the sessions.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    directory: web::Data<SessionDirectory>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["cursor"])?;
    let cursor = query.value("cursor").and_then(|cursor| cursor.parse::<SessionId>().ok());
    let (principal, (_, current)) = (person.principal.clone(), person.session()?);
    let found = blocking(move || directory.list(&principal, cursor, PAGE)).await?;
    let sessions = found.sessions.iter().map(|listed| {
        let item = SessionItem::session(&listed.session, current);
        (listed.account, listed.username.as_str().to_owned(), item)
    });
    page(&SessionsPage {
        frame: Frame::of(&person, &site, ENGLISH.all_sessions_title, LIST.path),
        users: Section::Accounts.path(),
        sessions: sessions.collect(),
        next: found.next.map(|next| format!("{}?cursor={next}", LIST.path)),
    })
}
