//! `/console/admin/users`: lists and searches accounts.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{Account, Role};
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::identity::account_directory::{
    AccountDirectory, AccountSearch, NamePrefix, SearchPosition,
};
use portcullis_web::{Body, Code, Guard, Limit, Method, Problem, Query, Route, blocking};

use crate::page::{Frame, Person, page};
use crate::section::Section;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage<'a> {
    frame: Frame<'a>,
    wanted: Wanted,
    roles: Vec<String>,
    users: Vec<Account>,
    next: Option<String>,
}

/// The filter, as typed.
#[derive(Clone)]
struct Wanted {
    q: String,
    role: String,
    kind: String,
    state: String,
}

impl Wanted {
    fn of(query: &Query) -> Self {
        let text = |key: &str| query.value(key).unwrap_or_default().trim().to_owned();
        Self { q: text("q"), role: text("role"), kind: text("kind"), state: text("state") }
    }

    /// The search. A choice that does not exist is none.
    fn search(&self, after: Option<&str>) -> AccountSearch {
        AccountSearch {
            prefix: (!self.q.is_empty()).then(|| NamePrefix::of(&self.q)),
            role: Role::parse(&self.role).ok(),
            kind: self.kind.parse().ok(),
            is_active: match self.state.as_str() {
                "active" => Some(true),
                "deactivated" => Some(false),
                _ => None,
            },
            after: after.map(|after| SearchPosition::of(after.to_owned())),
            most: PAGE,
        }
    }
}

/// The accounts on a page.
const PAGE: u32 = 50;

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: Section::Accounts.path(),
    guard: Guard::permitted(Section::Accounts.permissions()),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the accounts that match the filter.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    directory: web::Data<AccountDirectory>,
    matrices: web::Data<Matrices>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["q", "role", "kind", "state", "cursor"])?;
    let wanted = Wanted::of(&query);
    let (search, principal) = (wanted.search(query.value("cursor")), person.principal.clone());
    let found = blocking(move || directory.search(&principal, &search)).await?;
    let next = found.next.as_ref().map(|next| query.with("cursor", next.as_str()));
    page(&UsersPage {
        frame: Frame::of(&person, &site, ENGLISH.accounts_title, LIST.path),
        wanted,
        roles: matrices.active().load().matrix.roles().map(str::to_owned).collect(),
        users: found.accounts,
        next: next.map(|next| format!("{}?{next}", LIST.path)),
    })
}
