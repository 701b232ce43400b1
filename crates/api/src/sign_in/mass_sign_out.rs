//! `DELETE /api/admin/sessions`: ends the sessions of all accounts.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use portcullis_flows::access::permission;
use portcullis_flows::sign_in::mass_sign_out::MassSignOut;
use portcullis_web::{
    Body, Caller, Code, Guard, Limit, Method, Priority, Problem, Route, Settings, detached,
    forget_session,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The result of a mass sign-out.
#[derive(Serialize, ToSchema)]
pub(crate) struct MassSignOutAnswer {
    /// The number of sessions that ended, the session of the caller included.
    #[schema(example = 1312)]
    sessions_ended: u64,
}

pub(crate) const END_ALL: Route = Route {
    method: Method::Delete,
    path: "/api/admin/sessions",
    guard: Guard::permitted(&[permission::END_SESSIONS]).recent(),
    limit: Limit::GENERAL.priority(Priority::High).timeout(Duration::from_secs(5 * 60)),
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::AboveOwnRole,
        Code::MatrixSuperseded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Ends all sessions of all accounts. The session of the caller ends last.
///
/// Requires the most senior role. Sessions end in batches of 500; the audit log records each batch
/// with its size. A session that is opened during the request does not end. After an error, the
/// sessions of finished batches have ended; repeat the request for the rest.
#[utoipa::path(delete, path = END_ALL.path, operation_id = "endAllSessions", tag = "users",
    responses((status = 200, body = MassSignOutAnswer, description = "The sessions have ended")))]
pub(crate) async fn end_all(
    caller: Caller,
    mass_sign_out: web::Data<MassSignOut>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.0;
    let end = move || mass_sign_out.end_all(&caller);
    let ended = detached(end).await.map_err(|error| {
        tracing::error!(%error, "not all sessions could be ended");
        Problem::unavailable()
    })?;
    let mut response = HttpResponse::Ok().json(MassSignOutAnswer { sessions_ended: ended? });
    forget_session(&mut response, settings.secure_cookies);
    Ok(response)
}
