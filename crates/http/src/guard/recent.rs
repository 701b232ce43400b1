use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use portcullis_flows::principal::Principal;

use super::requirement::Requirement;
use super::{Guard, authenticate, services};
use crate::blocking::blocking;
use crate::origin;
use crate::problem::{Code, Problem};
use crate::services::Services;

/// What `G` lets in, if its sign-in is less than 15 minutes old: a session that was left open, or
/// stolen, is not enough. The refusal is recorded, and says so in a way that clients can act on
/// (RFC 9470).
pub(crate) struct Recent<G>(pub(crate) G);

impl<G: Guard> Guard for Recent<G>
where
    G::Future: 'static,
{
    const REQUIREMENT: Requirement = Requirement { recent_sign_in: true, ..G::REQUIREMENT };
}

impl<G: Guard> FromRequest for Recent<G>
where
    G::Future: 'static,
{
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let claims = authenticate(request);
        let services = services(request).cloned();
        let origin = origin::of(request);
        let guarded = G::from_request(request, payload);
        Box::pin(async move {
            let (claims, services) = (claims.await?, services?);
            let principal = Principal::of_claims(claims, origin);
            if services.step_up.is_recent(&principal) {
                guarded.await.map(Self)
            } else {
                Err(too_old(principal, services).await)
            }
        })
    }
}

/// The refusal stands whether or not it could be recorded.
async fn too_old(principal: Principal, services: web::Data<Services>) -> Problem {
    let record = move || services.step_up.record_refusal(&principal);
    if let Err(problem) = blocking(record).await {
        tracing::warn!(%problem, "a refusal for want of a recent sign-in is not recorded");
    }
    Problem::new(Code::SignInTooOld)
}
