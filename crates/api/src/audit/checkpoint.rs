//! `GET /api/admin/audit/checkpoints/{number}`: a signed checkpoint as a file.

use actix_web::http::header::{self, ContentType};
use actix_web::{HttpResponse, web};
use portcullis_flows::access::permission;
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_web::{Body, Code, Guard, Limit, Method, Problem, Route, blocking};

use crate::openapi::schema::checkpoint::CheckpointFile;

pub(crate) const FETCH: Route = Route {
    method: Method::Get,
    path: "/api/admin/audit/checkpoints/{number}",
    guard: Guard::permitted(&[permission::READ_AUDIT_LOG]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::NotFound, Code::Unavailable],
};

/// Returns a signed checkpoint of the audit log as a file.
///
/// Keep the latest checkpoint on another machine, without write access for the users of the
/// database. `audit verify` then detects every change of the entries before it.
#[utoipa::path(get, path = FETCH.path, operation_id = "getAuditCheckpoint", tag = "audit",
    params(("number" = String, Path, description = "The number of the checkpoint, or `latest`", example = "latest")),
    responses((status = 200, description = "The checkpoint file", body = CheckpointFile)))]
pub(crate) async fn fetch(
    checkpoints: web::Data<Checkpoints>,
    number: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::new(Code::NotFound);
    let number = match number.as_str() {
        "latest" => None,
        number => Some(number.parse::<u64>().map_err(|_| not_found())?),
    };
    let checkpoint = blocking(move || checkpoints.find(number)).await?;
    let checkpoint = checkpoint.ok_or_else(not_found)?;
    let name = format!("attachment; filename=\"checkpoint-{}.json\"", checkpoint.number());
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(checkpoint.to_file()))
}
