//! Optional request bodies: an absent body is accepted, an invalid one refused.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::problem::Problem;

/// An optional body. A body that is present must be valid.
pub struct OptionalBody<B>(pub Option<B>);

impl<B: FromRequest<Error = Problem> + 'static> FromRequest for OptionalBody<B> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if matches!(payload, Payload::None) {
            return Box::pin(async { Ok(Self(None)) });
        }
        let body = B::from_request(request, payload);
        Box::pin(async { body.await.map(|body| Self(Some(body))) })
    }
}
