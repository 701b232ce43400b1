//! `/console/assets`: serves the files of the pages.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use portcullis_web::{Body, Code, Guard, Limit, Method, Priority, Problem, Route};

use crate::site::Site;

pub(crate) const FILE: Route = Route {
    method: Method::Get,
    path: "/console/assets/{digest}/{name}",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[Code::NotFound],
};

/// Serves a file.
pub(crate) async fn file(
    path: web::Path<(String, String)>,
    site: web::Data<Site>,
) -> Result<HttpResponse, Problem> {
    let (digest, name) = path.into_inner();
    let path = format!("/console/assets/{digest}/{name}");
    let asset = site.assets.at(&path).ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.media_type))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content.clone()))
}
