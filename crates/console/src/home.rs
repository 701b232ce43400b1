//! `/console`: the first page of a signed-in person; and the paths that lead to it.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{Account, AccountKind};
use portcullis_web::{Body, Guard, Limit, Method, Priority, Problem, Route};

use crate::moment::Moment;
use crate::page::{Frame, Person, notice, page, see};
use crate::paths;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    frame: Frame<'a>,
    account: &'a Account,
    notice: &'a str,
    member_since: Moment,
    password: &'static str,
    email: &'static str,
    api_keys: &'static str,
    has_api_keys: bool,
    profile: &'static str,
    data: &'static str,
    deletion: &'static str,
}

pub(crate) const HOME: Route = Route {
    method: Method::Get,
    path: paths::HOME,
    guard: Guard::SIGNED_IN,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[],
};

/// Shows the account.
pub(crate) async fn home(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let is_changed = notice(&request).as_deref() == Some("password");
    page(&HomePage {
        frame: Frame::of(&person, &site, ENGLISH.home_title, HOME.path),
        account: &person.account,
        notice: if is_changed { ENGLISH.password_done } else { "" },
        member_since: Moment(person.account.created_at),
        password: paths::PASSWORD,
        email: paths::EMAIL,
        api_keys: paths::API_KEYS,
        has_api_keys: person.account.kind == AccountKind::Developer,
        profile: paths::PROFILE,
        data: paths::DATA,
        deletion: paths::DELETE_ACCOUNT,
    })
}

pub(crate) const ROOT: Route = Route { path: "/", guard: Guard::PUBLIC, ..HOME };

/// Leads from the root of the server to the first page.
pub(crate) async fn root() -> HttpResponse {
    see(HOME.path)
}

pub(crate) const FOLDER: Route = Route { path: "/console/", guard: Guard::PUBLIC, ..HOME };

/// Leads from the path with a slash to the one without.
pub(crate) async fn folder() -> HttpResponse {
    see(HOME.path)
}
