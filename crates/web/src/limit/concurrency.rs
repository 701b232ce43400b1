//! Concurrency limits: permits for the requests of one kind, shared fairly between callers.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, rt, web};
use portcullis_audit::Actor;
use portcullis_domain::{Ambient, SecureRandom};

use super::fair_semaphore::{Bounds, FairPermit, FairSemaphore};
use crate::blocking::overload_pause;
use crate::lifecycle::Lifecycle;
use crate::problem::{Code, Problem};

/// Permits for requests of one kind. Routes that name the same kind share them.
#[derive(Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// The kind.
    pub name: &'static str,
    /// The number of permits.
    pub places: usize,
    /// Bytes of a body per permit; with `None` each request takes one permit.
    pub unit: Option<usize>,
    /// The approximate maximum wait for permits. Nothing of the body is read meanwhile: a client
    /// that sends more than its share is slowed down by its own connection.
    pub wait: Duration,
}

impl Concurrency {
    /// Takes the permits of a request, or returns an error with `Retry-After`.
    pub(crate) async fn enter(
        &self,
        permits: &Arc<FairSemaphore<Actor>>,
        request: &HttpRequest,
        largest_body: usize,
        actor: Actor,
    ) -> Result<ConcurrencyPermit, Problem> {
        let count =
            self.unit.map_or(1, |unit| body_length(request, largest_body).div_ceil(unit).max(1));
        let bounds = Bounds { total: self.places, per_caller: usize::MAX };
        let mut waited = Duration::ZERO;
        loop {
            if let Some(permit) = permits.enter(Some(actor), count, bounds) {
                return Ok(ConcurrencyPermit { _permit: permit });
            }
            if waited >= self.wait || is_draining(request) {
                return Err(Problem::busy());
            }
            let pause = overload_pause(random(request)?);
            rt::time::sleep(pause).await;
            waited = waited.saturating_add(pause);
        }
    }
}

/// The announced length of the body; without one, the maximum of the route.
fn body_length(request: &HttpRequest, largest: usize) -> usize {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.map_or(largest, |length: usize| length.min(largest))
}

/// The randomness of the server of this request.
pub(super) fn random(request: &HttpRequest) -> Result<&dyn SecureRandom, Problem> {
    let ambient = request.app_data::<web::Data<Ambient>>();
    ambient.map(|ambient| &*ambient.random).ok_or_else(|| Problem::new(Code::Internal))
}

fn is_draining(request: &HttpRequest) -> bool {
    let lifecycle = request.app_data::<web::Data<Lifecycle>>();
    lifecycle.is_some_and(|lifecycle| lifecycle.is_draining())
}

/// The permits of a request, released when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it releases the permits"]
pub struct ConcurrencyPermit {
    _permit: FairPermit<Actor>,
}

impl FromRequest for ConcurrencyPermit {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let found = request.extensions_mut().remove::<Self>();
        ready(found.ok_or_else(|| Problem::new(Code::Internal)))
    }
}
