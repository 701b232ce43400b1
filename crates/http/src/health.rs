//! `GET /health/live` and `/health/ready`.

use actix_web::web::{self, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::blocking::blocking;
use crate::guard::Public;
use crate::problem::Problem;
use crate::services::Services;

/// That the server is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    /// `live` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Whether the process answers at all; never asks the database.
#[utoipa::path(get, path = "/health/live", tag = "operations",
    responses((status = 200, body = HealthAnswer, description = "The process answers")))]
pub(crate) async fn live(_: Public) -> Json<HealthAnswer> {
    Json(HealthAnswer { status: "live" })
}

/// Whether the server can do its work: 503 while the database does not answer.
#[utoipa::path(get, path = "/health/ready", tag = "operations",
    responses((status = 200, body = HealthAnswer, description = "The database answers")))]
pub(crate) async fn ready(
    _: Public,
    services: web::Data<Services>,
) -> Result<Json<HealthAnswer>, Problem> {
    let health = services.health.clone();
    blocking(move || health.ping()).await?;
    Ok(Json(HealthAnswer { status: "ready" }))
}
