//! Awaited bodies: a request that must wait for its body gives its place back meanwhile.
//!
//! Bodies are sent by clients, which may take 15 s for one. Their requests count apart from those
//! under way, within the same maximums, so slow bodies of any number of addresses never keep other
//! requests out.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;

use actix_web::{HttpMessage, HttpRequest};
use portcullis_rate_limit::AddressPrefix;

use super::fair_semaphore::FairPermit;
use super::{Limits, Priority};
use crate::poll_once::poll_once;
use crate::problem::Problem;
use crate::request::RequestContext;

/// The place of a request among those under way.
pub(crate) struct Place {
    limits: Arc<Limits>,
    priority: Priority,
    /// `None` while the request waits for its body.
    permit: Cell<Option<FairPermit<AddressPrefix>>>,
}

impl Place {
    /// The place of this request until the returned value is dropped.
    pub(crate) fn of_request(
        request: &HttpRequest,
        limits: &Arc<Limits>,
        priority: Priority,
        permit: FairPermit<AddressPrefix>,
    ) -> Rc<Self> {
        let limits = Arc::clone(limits);
        let place = Rc::new(Self { limits, priority, permit: Cell::new(Some(permit)) });
        request.extensions_mut().insert(Rc::downgrade(&place));
        place
    }

    /// Gives the place back.
    fn leave(&self) {
        drop(self.permit.take());
    }

    /// Takes a place again, or refuses the request.
    async fn enter(&self, request: &HttpRequest) -> Result<(), Problem> {
        let context = RequestContext::of(request);
        let permit = self.limits.enter(request, &context, self.priority).await?;
        self.permit.set(Some(permit));
        Ok(())
    }
}

/// Receives the body of a request. The request is not under way while the body is not there.
pub(crate) async fn receive<T>(
    request: &HttpRequest,
    body: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let mut body = pin!(body);
    let place = request.extensions().get::<Weak<Place>>().and_then(Weak::upgrade);
    let Some(place) = place else { return body.await };
    if let Poll::Ready(body) = poll_once(body.as_mut()).await {
        return body;
    }
    place.leave();
    // The bytes that came with the head are handed over after the first poll.
    tokio::task::yield_now().await;
    let body = match poll_once(body.as_mut()).await {
        Poll::Ready(body) => body,
        Poll::Pending => {
            let mut awaited = place.limits.await_body(&RequestContext::of(request));
            tokio::select! {
                biased;
                body = body => body,
                () = awaited.revoked() => {
                    let detail = "The server waits for too many request bodies.";
                    Err(Problem::busy().detail(detail))
                }
            }
        }
    };
    let body = body?;
    place.enter(request).await?;
    Ok(body)
}
