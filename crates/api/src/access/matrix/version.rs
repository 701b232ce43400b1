//! `/api/admin/matrix/versions`, `/activate` and `/rollback`: versions of the access matrix and
//! activations.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use portcullis_domain::Timestamp;
use portcullis_flows::access::matrix::{ListedVersion, Matrices, MatrixError, Version};
use portcullis_flows::access::permission;
use portcullis_web::{
    Body, Caller, Code, Guard, Json, Limit, Method, Priority, Problem, Route, blocking,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EXAMPLE, FILE, FileBody};

/// The latest versions of the access matrix and all activations, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionsAnswer {
    items: Vec<VersionAnswer>,
    /// Always null: the latest 100 versions are listed; older ones are read by number.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
    activations: Vec<ActivationAnswer>,
}

/// A version of the access matrix.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionAnswer {
    /// The number of the version.
    #[schema(example = 3)]
    version: u32,
    /// True for the active version.
    #[schema(example = true)]
    in_force: bool,
    /// The author: the id of an account, or `operator`.
    #[schema(example = "operator")]
    by: String,
    /// The time of creation (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    at: Timestamp,
    /// The text of the matrix file; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = "toml", required = false, example = json!(EXAMPLE))]
    text: Option<String>,
}

/// An activation of a version.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivationAnswer {
    /// The number of the activation, counted from 1.
    #[schema(example = 4)]
    revision: u64,
    /// The number of the version.
    #[schema(example = 3)]
    version: u32,
    /// The actor: the id of an account, or `operator`.
    #[schema(example = "operator")]
    by: String,
    /// The time of the activation (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    at: Timestamp,
}

/// The number of a version.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionNumber {
    /// The number of the version.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 3)]
    version: u32,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/matrix/versions",
    guard: Guard::permitted(&[permission::READ_MATRIX]),
    limit: Limit::GENERAL.priority(Priority::Low),
    body: Body::None,
    errors: &[Code::Unavailable],
};

/// Lists the versions of the access matrix and the activations.
#[utoipa::path(get, path = LIST.path, operation_id = "listMatrixVersions", tag = "matrix",
    responses((status = 200, body = VersionsAnswer, description = "The versions")))]
pub(crate) async fn list(matrices: web::Data<Matrices>) -> Result<HttpResponse, Problem> {
    let in_force = matrices.active().load().version;
    let read = move || Ok::<_, Problem>((matrices.versions()?, matrices.history()?));
    let (versions, activations) = blocking(read).await?;
    let activations = activations.into_iter().map(|activation| ActivationAnswer {
        revision: activation.revision,
        version: activation.version,
        by: activation.by.to_string(),
        at: activation.at,
    });
    let items = versions.into_iter().map(|version| VersionAnswer::listed(version, in_force));
    Ok(HttpResponse::Ok().json(VersionsAnswer {
        items: items.collect(),
        next_cursor: None,
        activations: activations.collect(),
    }))
}

pub(crate) const READ: Route = Route {
    method: Method::Get,
    path: "/api/admin/matrix/versions/{number}",
    guard: Guard::permitted(&[permission::READ_MATRIX]),
    limit: Limit::GENERAL.priority(Priority::Low),
    body: Body::None,
    errors: &[Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Returns one version of the access matrix with its file.
#[utoipa::path(get, path = READ.path, operation_id = "getMatrixVersion", tag = "matrix",
    params(("number" = u32, Path, description = "The number of the version, counted from 1", example = 3)),
    responses((status = 200, body = VersionAnswer, description = "The version")))]
pub(crate) async fn read(
    matrices: web::Data<Matrices>,
    number: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let number = number.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let in_force = matrices.active().load().version;
    let version = blocking(move || matrices.version(number)).await?;
    let version = version.ok_or(MatrixError::UnknownVersion(number))?;
    Ok(HttpResponse::Ok().json(VersionAnswer::of(version, in_force)))
}

pub(crate) const PROPOSE: Route = Route {
    method: Method::Post,
    path: "/api/admin/matrix/versions",
    guard: Guard::permitted(&[permission::ACTIVATE_MATRIX]).recent(),
    limit: Limit::GENERAL,
    body: FILE,
    errors: &[
        Code::CsrfFailed,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Stores a matrix file as a version, without activating it.
///
/// An identical file is not stored again; the response contains the number of the existing version.
#[utoipa::path(post, path = PROPOSE.path, operation_id = "createMatrixVersion", tag = "matrix",
    request_body = FileBody,
    responses((status = 201, body = VersionNumber, description = "The number of the version")))]
pub(crate) async fn propose(
    caller: Caller,
    matrices: web::Data<Matrices>,
    body: Json<FileBody>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.0;
    let version = blocking(move || matrices.propose(&body.0.text, &caller)).await?;
    let location = format!("/api/admin/matrix/versions/{version}");
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(VersionNumber { version }))
}

pub(crate) const ACTIVATE: Route = Route {
    method: Method::Post,
    path: "/api/admin/matrix/activate",
    guard: Guard::permitted(&[permission::ACTIVATE_MATRIX]).recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::MatrixAboveOwnRole,
        Code::NotFound,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::MatrixSuperseded,
        Code::RolesInUse,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Activates a version: on this node immediately, on other nodes within one second.
///
/// Unless the caller has the most senior role, the version must not grant any permission that the
/// role of the caller does not have.
#[utoipa::path(post, path = ACTIVATE.path, operation_id = "activateMatrixVersion", tag = "matrix",
    request_body = VersionNumber,
    responses((status = 200, body = VersionNumber, description = "The active version")))]
pub(crate) async fn activate(
    caller: Caller,
    matrices: web::Data<Matrices>,
    body: Json<VersionNumber>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.0;
    let version = body.0.version;
    blocking(move || matrices.activate(version, &caller)).await?;
    Ok(HttpResponse::Ok().json(VersionNumber { version }))
}

pub(crate) const ROLL_BACK: Route = Route {
    method: Method::Post,
    path: "/api/admin/matrix/rollback",
    guard: Guard::permitted(&[permission::ACTIVATE_MATRIX]).recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::MatrixAboveOwnRole,
        Code::NothingToRollBack,
        Code::NotFound,
        Code::MatrixFaults,
        Code::MatrixUnfit,
        Code::MatrixSuperseded,
        Code::RolesInUse,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Activates the previous version again, under the rule of an activation.
#[utoipa::path(post, path = ROLL_BACK.path, operation_id = "rollBackMatrix", tag = "matrix",
    responses((status = 200, body = VersionNumber, description = "The active version")))]
pub(crate) async fn roll_back(
    caller: Caller,
    matrices: web::Data<Matrices>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.0;
    let roll_back = move || matrices.roll_back(None, &caller);
    Ok(HttpResponse::Ok().json(VersionNumber { version: blocking(roll_back).await? }))
}

impl VersionAnswer {
    fn of(version: Version, in_force: u32) -> Self {
        Self {
            version: version.number,
            in_force: version.number == in_force,
            by: version.by.to_string(),
            at: version.at,
            text: Some(version.text),
        }
    }

    fn listed(version: ListedVersion, in_force: u32) -> Self {
        let ListedVersion { number, by, at } = version;
        Self { version: number, in_force: number == in_force, by: by.to_string(), at, text: None }
    }
}
