//! `/api/docs`: a viewer of the API document, bundled, with nothing loaded from elsewhere.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use portcullis_web::{
    Body, Code, Group, Guard, Limit, Limits, Method, Mount, Priority, Problem, Route, Router,
    no_redirect, problem_document,
};
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::node::csp_report;

/// The folder of the viewer and its files.
const FOLDER: &str = "/api/docs/";

/// The group of the viewer. It loads only its own files; it draws its icons as data, and adds one
/// style sheet by script, which its digest allows.
pub const VIEWER: Group = Group {
    prefix: FOLDER,
    content_policy: "default-src 'none'; script-src 'self'; \
        style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
        img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'",
    violation_reports: Some(csp_report::RECEIVE.path),
    referrer_policy: "no-referrer",
    is_shared: false,
    error: problem_document,
    redirect: no_redirect,
};

const FOLDER_WITHOUT_SLASH: Route = Route { path: "/api/docs", ..FILE };

const FILE: Route = Route {
    method: Method::Get,
    path: "/api/docs/{file:.*}",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL.priority(Priority::Low),
    body: Body::None,
    errors: &[Code::NotFound],
};

/// Mounts the viewer. Its routes are no part of the API document.
pub(crate) fn mount(app: &mut ServiceConfig, limits: &Arc<Limits>) {
    let config = Config::from("/api/openapi.json").validator_url("none").deep_linking(true);
    app.app_data(web::Data::new(config));
    let mut mount = Mount::new(app, limits);
    mount.add(&FOLDER_WITHOUT_SLASH, redirect);
    mount.add(&FILE, file);
}

async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, FOLDER)).finish()
}

async fn file(
    name: web::Path<String>,
    config: web::Data<Config<'static>>,
) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&name, config.into_inner());
    let Ok(Some(SwaggerFile { bytes, content_type, gzpipped, .. })) = found else {
        return Err(Problem::new(Code::NotFound));
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, content_type));
    if gzpipped {
        response.insert_header((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    Ok(match bytes {
        Cow::Borrowed(bytes) => response.body(bytes),
        Cow::Owned(bytes) => response.body(bytes),
    })
}
