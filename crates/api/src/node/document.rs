//! `GET /api/openapi.json`: the API document.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use portcullis_web::{Body, Guard, Limit, Method, Priority, Route};

/// The API document, rendered once.
pub(crate) struct Document(pub(crate) String);

pub(crate) const SERVE: Route = Route {
    method: Method::Get,
    path: "/api/openapi.json",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL.priority(Priority::Low),
    body: Body::None,
    errors: &[],
};

/// Serves the API document.
#[utoipa::path(get, path = SERVE.path, tag = "operations",
    responses((status = 200, description = "The API document", body = serde_json::Value,
        content_type = "application/json", example = json!({ "openapi": "3.1.0" }))))]
pub(crate) async fn serve(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .body(document.0.clone())
}
