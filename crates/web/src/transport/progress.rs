//! Progress of a connection: what its requests and responses tell it.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::Payload;
use actix_http::error::PayloadError;
use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::web::Bytes;
use futures_util::Stream;

/// The responses of a connection so far, and the body that the present request waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Rc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    answered: Cell<u64>,
    completed: Cell<u64>,
    is_body_wanted: Cell<bool>,
    is_last: Cell<bool>,
}

impl Progress {
    /// Notes when the body of a request with `Expect: 100-continue` is read for the first time.
    pub(crate) fn watch(&self, request: &mut ServiceRequest) {
        if request.head().expect() {
            let (body, progress) = (request.take_payload(), Some(self.clone()));
            let stream: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
                Box::pin(WantedBody { body, progress });
            request.set_payload(Payload::from(stream));
        }
    }

    /// Counts the response to the present request now, and its body when the HTTP server has taken
    /// all of it. A short one it takes at once, before it reads again.
    pub(crate) fn answered(&self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        self.0.answered.set(self.0.answered.get().saturating_add(1));
        let completion = Completion(self.clone());
        response.map_body(|_, body| match body.try_into_bytes() {
            Ok(bytes) if bytes.len() <= MAX_SHORT => BoxBody::new(bytes),
            Ok(bytes) => BoxBody::new(CountedBody { body: BoxBody::new(bytes), completion }),
            Err(body) => BoxBody::new(CountedBody { body, completion }),
        })
    }

    /// True if the connection ends after the present response, whatever the response says.
    pub(crate) fn is_last(&self) -> bool {
        self.0.is_last.get()
    }

    /// Notes that no request follows the present one.
    pub(super) fn end(&self) {
        self.0.is_last.set(true);
    }

    /// The number of requests that have a response.
    pub(super) fn answers(&self) -> u64 {
        self.0.answered.get()
    }

    /// The number of requests that have a complete response.
    pub(super) fn completed(&self) -> u64 {
        self.0.completed.get()
    }

    /// True once for each request that waits for `100 Continue`, when its body is wanted.
    pub(super) fn take_wanted_body(&self) -> bool {
        self.0.is_body_wanted.take()
    }
}

/// The body of a request whose client waits for `100 Continue`.
struct WantedBody {
    body: Payload,
    /// `None` after the first read.
    progress: Option<Progress>,
}

impl Stream for WantedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.body).poll_next(context);
        // A client that has sent a part of the body does not wait.
        if let Some(Progress(counts)) = self.progress.take() {
            counts.is_body_wanted.set(polled.is_pending());
        }
        polled
    }
}

/// A body of at most this many bytes fits, with its head, into one buffer of the HTTP server.
const MAX_SHORT: usize = 16 * 1024;

/// The body of a response, counted when the HTTP server has taken all of it.
struct CountedBody {
    body: BoxBody,
    #[expect(dead_code, reason = "its drop counts")]
    completion: Completion,
}

struct Completion(Progress);

impl Drop for Completion {
    fn drop(&mut self) {
        let Self(Progress(counts)) = self;
        counts.completed.set(counts.completed.get().saturating_add(1));
        counts.is_body_wanted.set(false);
    }
}

impl MessageBody for CountedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
