//! `/console/admin/lockouts`: the accounts that are locked now, the longest wait first.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::access::permission;
use portcullis_flows::sign_in::lockout::CounterKind;
use portcullis_flows::sign_in::lockout_directory::{
    ListedLockout, LockoutCursor, LockoutDirectory,
};
use portcullis_web::{Body, Code, Guard, Limit, Method, Problem, Query, Route, blocking};

use crate::moment::Moment;
use crate::page::{Frame, Person, page};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "lockouts.html")]
struct LockoutsPage<'a> {
    frame: Frame<'a>,
    users: &'static str,
    may_unlock: bool,
    lockouts: Vec<Item>,
    next: Option<String>,
}

/// A lockout in the list.
struct Item {
    account: AccountId,
    username: String,
    kind: &'static str,
    failures: u32,
    last_failed_at: Moment,
    until: String,
}

impl From<ListedLockout> for Item {
    fn from(lockout: ListedLockout) -> Self {
        let t = &ENGLISH;
        Self {
            account: lockout.account,
            username: lockout.username.as_str().to_owned(),
            kind: match lockout.kind {
                CounterKind::Strangers => t.lockout_strangers,
                CounterKind::KnownDevices => t.lockout_devices,
                CounterKind::Factors => t.lockout_factors,
            },
            failures: lockout.failures,
            last_failed_at: Moment(lockout.last_failed_at),
            until: match lockout.closed_until {
                Timestamp::NEVER => t.unlocked_only.to_owned(),
                until => Moment(until).to_string(),
            },
        }
    }
}

/// The lockouts on a page.
const PAGE: u32 = 50;

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: Section::Lockouts.path(),
    guard: Guard::permitted(Section::Lockouts.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the lockouts.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    directory: web::Data<LockoutDirectory>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["cursor"])?;
    let cursor = query.value("cursor").and_then(|cursor| cursor.parse::<LockoutCursor>().ok());
    let principal = person.principal.clone();
    let found = blocking(move || directory.list(&principal, cursor, PAGE)).await?;
    page(&LockoutsPage {
        frame: Frame::of(&person, &site, ENGLISH.lockouts_title, LIST.path),
        users: Section::Accounts.path(),
        may_unlock: person.may(&request, permission::CHANGE_STATE)?,
        lockouts: found.lockouts.into_iter().map(Item::from).collect(),
        next: found.next.map(|next| format!("{}?cursor={next}", LIST.path)),
    })
}
