//! `/console/data`: the own data as a file.
//!
//! The file itself is that of the API, which the browser gets with the access cookie; it needs a sign-in as
//! recent as this page does.

use actix_web::{HttpResponse, web};
use askama::Template;
use portcullis_web::{Body, Guard, Limit, Method, Problem, Route};

use crate::page::{Frame, Person, page};
use crate::paths;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "own_data.html")]
struct OwnDataPage<'a> {
    frame: Frame<'a>,
    file: &'static str,
}

pub(crate) const SHOW: Route = Route {
    method: Method::Get,
    path: paths::DATA,
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// The file of the API.
const FILE: &str = "/api/auth/me/data";

/// Shows what the file has, and a link to it.
pub(crate) async fn show(person: Person, site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    let frame = Frame::of(&person, &site, ENGLISH.data_title, paths::HOME);
    page(&OwnDataPage { frame, file: FILE })
}
