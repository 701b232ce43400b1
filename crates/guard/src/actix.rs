//! Extractors for actix-web (the signature of a handler declares the permission it needs), and a
//! middleware for whole scopes.
//!
//! Each uses the [`Guard`] that was registered with `App::app_data(guard.clone())`. Without a guard
//! every request is refused. Extractors run before the handler and in the order of its arguments,
//! so put them first.
//!
//! The client is the peer of the connection, or the [`ClientAddress`] that an earlier middleware has put into
//! the extensions of the request.
//!
//! The log line of a refused request is its error:
//! `response.response().error().map(ToString::to_string)` in a middleware.

use std::future::Future;
use std::pin::Pin;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use portcullis_access::Word;

use crate::problem::{self, Problem};
use crate::{Ask, Claims, ClientAddress, Guard, Refusal, Require};

/// Middleware that accepts only authenticated requests:
/// `Scope::wrap(from_fn(protect))`. Their [`Claims`] are in the extensions of the request.
pub async fn protect<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admit(request.request().clone()).await {
        Ok((_, claims)) => {
            request.extensions_mut().insert(claims);
            Ok(next.call(request).await?.map_into_left_body())
        }
        // A response instead of an error: an outer middleware may have headers to add.
        Err(refusal) => Ok(request.error_response(refusal).map_into_right_body()),
    }
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Refusal>>>>;

impl<R: Word, A: Word> FromRequest for Require<R, A> {
    type Error = Refusal;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let admitted = admit(request.clone());
        Box::pin(async {
            let (guard, claims) = admitted.await?;
            guard.ask(claims).require()
        })
    }
}

impl<R: Word, A: Word> FromRequest for Ask<R, A> {
    type Error = Refusal;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let admitted = admit(request.clone());
        Box::pin(async {
            let (guard, claims) = admitted.await?;
            Ok(guard.ask(claims))
        })
    }
}

impl FromRequest for Claims {
    type Error = Refusal;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let admitted = admit(request.clone());
        Box::pin(async { Ok(admitted.await?.1) })
    }
}

async fn admit(request: HttpRequest) -> Result<(Guard, Claims), Refusal> {
    let guard: &Guard = request.app_data().ok_or(Refusal::NoGuard)?;
    let claims = guard.admit(authorization(request.headers()), client(&request)).await?;
    Ok((guard.clone(), claims))
}

/// The address that the service has put into the extensions of the request, or that of the peer.
fn client(request: &HttpRequest) -> Option<ClientAddress> {
    let given = request.extensions().get().copied();
    given.or_else(|| request.peer_addr().map(ClientAddress::from))
}

/// The first two values: more than one is refused, so the others do not matter.
fn authorization(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> + Clone {
    let mut values = headers.get_all(AUTHORIZATION).map(AsRef::as_ref);
    [values.next(), values.next()].into_iter().flatten()
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        status(&Problem::from(self))
    }

    fn error_response(&self) -> HttpResponse {
        let problem = Problem::from(self);
        let mut response = HttpResponse::build(status(&problem));
        response.insert_header((CONTENT_TYPE, problem::CONTENT_TYPE));
        if let Some(challenge) = &problem.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge.as_ref()));
        }
        if let Some(seconds) = problem.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.body(problem.to_json())
    }
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
