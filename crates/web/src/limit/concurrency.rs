//! Concurrency limits: permits for the requests of one kind, shared fairly between callers.
//!
//! A caller may take no more permits than are still free (a dynamic threshold, as in switches that
//! share a buffer): one caller alone takes half of them, and the next caller always gets one.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, rt, web};
use portcullis_audit::Actor;
use portcullis_domain::{Ambient, SecureRandom};

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
        places: &Arc<FairSemaphore>,
        request: &HttpRequest,
        largest_body: usize,
        actor: Actor,
    ) -> Result<ConcurrencyPermit, Problem> {
        let count =
            self.unit.map_or(1, |unit| body_length(request, largest_body).div_ceil(unit).max(1));
        let mut waited = Duration::ZERO;
        loop {
            match places.enter(actor, count) {
                Err(busy) if waited >= self.wait || is_draining(request) => return Err(busy),
                Err(_) => {
                    let pause = overload_pause(random(request)?);
                    rt::time::sleep(pause).await;
                    waited = waited.saturating_add(pause);
                }
                Ok(place) => return Ok(place),
            }
        }
    }
}

/// The announced length of the body; without one, the maximum of the route.
fn body_length(request: &HttpRequest, largest: usize) -> usize {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.map_or(largest, |length: usize| length.min(largest))
}

fn random(request: &HttpRequest) -> Result<&dyn SecureRandom, Problem> {
    let ambient = request.app_data::<web::Data<Ambient>>();
    ambient.map(|ambient| &*ambient.random).ok_or_else(|| Problem::new(Code::Internal))
}

fn is_draining(request: &HttpRequest) -> bool {
    let lifecycle = request.app_data::<web::Data<Lifecycle>>();
    lifecycle.is_some_and(|lifecycle| lifecycle.is_draining())
}

/// The permits of one kind of request.
#[derive(Debug)]
pub(crate) struct FairSemaphore {
    max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_caller: HashMap<Actor, usize>,
}

/// One or more permits, released when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub struct ConcurrencyPermit {
    places: Arc<FairSemaphore>,
    caller: Actor,
    count: usize,
}

impl FairSemaphore {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, taken: Mutex::default() })
    }

    /// Takes this number of permits, or returns an error with `Retry-After`.
    fn enter(self: &Arc<Self>, caller: Actor, count: usize) -> Result<ConcurrencyPermit, Problem> {
        let mut taken = self.taken();
        let mine = taken.by_caller.get(&caller).copied().unwrap_or(0).saturating_add(count);
        if mine > self.max.saturating_sub(taken.total) {
            return Err(Problem::busy());
        }
        taken.total += count;
        taken.by_caller.insert(caller, mine);
        Ok(ConcurrencyPermit { places: Arc::clone(self), caller, count })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total = taken.total.saturating_sub(self.count);
        if let Some(mine) = taken.by_caller.get_mut(&self.caller) {
            *mine = mine.saturating_sub(self.count);
            if *mine == 0 {
                taken.by_caller.remove(&self.caller);
            }
        }
    }
}

impl FromRequest for ConcurrencyPermit {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let found = request.extensions_mut().remove::<Self>();
        ready(found.ok_or_else(|| Problem::new(Code::Internal)))
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{AccountId, SystemRandom, Timestamp};

    use super::*;

    #[test]
    fn one_caller_leaves_places_for_the_next_and_each_comes_back() {
        let caller =
            || Actor::Account(AccountId::generate(Timestamp::from_seconds(1), &SystemRandom));
        let (places, greedy) = (FairSemaphore::new(8), caller());
        let mut held: Vec<ConcurrencyPermit> = Vec::new();
        held.extend(std::iter::from_fn(|| places.enter(greedy, 1).ok()));
        assert_eq!(held.len(), 4);
        let other = caller();
        held.extend(std::iter::from_fn(|| places.enter(other, 1).ok()));
        assert_eq!(held.len(), 6);
        held.push(places.enter(caller(), 1).unwrap());
        drop(held);
        assert_eq!(std::iter::from_fn(|| places.enter(other, 1).ok()).collect::<Vec<_>>().len(), 4);
        assert!(places.taken().by_caller.is_empty());
    }
}
