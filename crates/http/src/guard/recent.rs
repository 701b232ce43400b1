use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::requirement::Requirement;
use super::{Guard, authenticate, services};
use crate::problem::{Code, Problem};

/// How old a sign-in may be that counts as recent.
const RECENT: Duration = Duration::from_secs(15 * 60);

/// What `G` lets in, if its sign-in is less than 15 minutes old: a session that was left open, or
/// stolen, is not enough. The refusal says so in a way that clients can act on (RFC 9470).
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
        match signed_in_recently(request) {
            Ok(()) => {
                let guarded = G::from_request(request, payload);
                Box::pin(async move { guarded.await.map(Self) })
            }
            Err(problem) => Box::pin(async { Err(problem) }),
        }
    }
}

fn signed_in_recently(request: &HttpRequest) -> Result<(), Problem> {
    let signed_in_at = authenticate(request)?.authenticated_at;
    let age = services(request)?.clock.now().since(signed_in_at);
    if age < RECENT { Ok(()) } else { Err(Problem::new(Code::SignInTooOld)) }
}
