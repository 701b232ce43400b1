//! Extractors for axum: the signature of a handler declares the permission it needs.
//!
//! They use the [`Guard`] of the layer [`Protect`](crate::tower::Protect). Without this layer every
//! request is refused.

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use portcullis_access::Word;

use crate::{Ask, Claims, Guard, Refusal, Require, tower};

impl<S: Sync> FromRequestParts<S> for Claims {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get().cloned().ok_or(Refusal::NoGuard)
    }
}

impl<S: Sync, R: Word, A: Word> FromRequestParts<S> for Ask<R, A> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let claims = Claims::from_request_parts(parts, state).await?;
        let guard = parts.extensions.get::<Guard>().ok_or(Refusal::NoGuard)?;
        Ok(guard.ask(claims))
    }
}

impl<S: Sync, R: Word, A: Word> FromRequestParts<S> for Require<R, A> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Ask::from_request_parts(parts, state).await?.require()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tower::answer(&self).map(Body::new)
    }
}
