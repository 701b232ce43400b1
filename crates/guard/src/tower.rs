//! A layer for tower services: axum, tonic, hyper.
//!
//! `Protect::by(&guard)` accepts only authenticated requests. Their
//! [`Claims`](crate::Claims) and the [`Guard`] are in the extensions of the request, for handlers
//! and for the extractors of axum.
//!
//! The client is the [`ClientAddress`] in the extensions of the request, which an earlier layer inserts; in axum
//! it is otherwise the peer, if the service runs with its `ConnectInfo<SocketAddr>`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use tower_layer::Layer;
use tower_service::Service;

use crate::problem::{self, Problem};
use crate::{ClientAddress, Guard, Refusal};

/// Protects every route below it.
#[derive(Clone, Debug)]
pub struct Protect {
    guard: Guard,
}

impl Protect {
    /// A layer that uses this guard.
    pub fn by(guard: &Guard) -> Self {
        Self { guard: guard.clone() }
    }
}

impl<S> Layer<S> for Protect {
    type Service = Protected<S>;

    fn layer(&self, inner: S) -> Protected<S> {
        Protected { guard: self.guard.clone(), inner }
    }
}

/// A service behind a guard.
#[derive(Clone, Debug)]
pub struct Protected<S> {
    guard: Guard,
    inner: S,
}

/// The body of a response: from the service, or from a refusal.
pub type Body<B> = Either<B, Full<Bytes>>;

impl<S, Q, B> Service<Request<Q>> for Protected<S>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
{
    type Response = Response<Body<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let guard = self.guard.clone();
        // The instance that was polled ready is called; its clone may not be ready.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            match guard.admit(authorization(&head.headers), client(&head.extensions)).await {
                Ok(claims) => {
                    head.extensions.insert(claims);
                    head.extensions.insert(guard);
                    let response = inner.call(Request::from_parts(head, body)).await?;
                    Ok(response.map(Either::Left))
                }
                Err(refusal) if is_grpc(&head.headers) => Ok(grpc(&refusal)),
                Err(refusal) => Ok(answer(&refusal).map(Either::Right)),
            }
        })
    }
}

/// The address that the service has put there, or that of the peer.
fn client(extensions: &Extensions) -> Option<ClientAddress> {
    extensions.get().copied().or_else(|| peer(extensions))
}

#[cfg(feature = "axum")]
fn peer(extensions: &Extensions) -> Option<ClientAddress> {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;

    extensions.get().map(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| ClientAddress::from(*peer))
}

#[cfg(not(feature = "axum"))]
const fn peer(_: &Extensions) -> Option<ClientAddress> {
    None
}

/// The first two values: more than one is refused, so the others do not matter.
fn authorization(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> + Clone {
    let mut values = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    [values.next(), values.next()].into_iter().flatten()
}

/// Builds the response to a refused caller, and logs the reason.
pub(crate) fn answer(refusal: &Refusal) -> Response<Full<Bytes>> {
    tracing::info!(%refusal, "refused");
    let problem = Problem::from(refusal);
    let mut response = Response::new(Full::from(problem.to_json()));
    *response.status_mut() = status(&problem);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    let challenge = problem.challenge.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(challenge)) = challenge {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = problem.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

const GRPC: &str = "application/grpc";

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(GRPC.as_bytes()))
}

/// A refusal in gRPC form: a gRPC client reads the result from headers, and treats any status
/// except 200 as a network failure.
fn grpc<B>(refusal: &Refusal) -> Response<Body<B>> {
    tracing::info!(%refusal, "refused");
    let problem = Problem::from(refusal);
    let code = match problem.status {
        400 => "3",  // INVALID_ARGUMENT
        401 => "16", // UNAUTHENTICATED
        403 => "7",  // PERMISSION_DENIED
        503 => "14", // UNAVAILABLE
        _ => "13",   // INTERNAL
    };
    let mut response = Response::new(Either::Right(Full::default()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    headers.insert("grpc-status", HeaderValue::from_static(code));
    headers.insert("grpc-message", HeaderValue::from_static(problem.code));
    response
}
