//! Cross-origin requests: exact origins, with credentials, and nothing else.

use actix_cors::Cors;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Condition;
use portcullis_rate_limit::headers;

use crate::csrf;
use crate::request_id::REQUEST_ID;
use crate::settings::Settings;
use crate::trace_context::TRACEPARENT;

/// The layer, if it is needed.
pub(super) fn cors(settings: &Settings) -> Condition<Cors> {
    let mut cors = Cors::default()
        .allowed_methods(["GET", "POST", "PATCH", "DELETE"])
        .allowed_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static(csrf::HEADER),
            TRACEPARENT,
        ])
        .expose_headers([
            header::RETRY_AFTER,
            header::LINK,
            header::CONTENT_DISPOSITION,
            HeaderName::from_static(headers::RATE_LIMIT),
            HeaderName::from_static(headers::RATE_LIMIT_POLICY),
            REQUEST_ID,
            TRACEPARENT,
        ])
        .supports_credentials()
        .block_on_origin_mismatch(false)
        .max_age(600);
    for origin in &settings.cors_origins {
        cors = cors.allowed_origin(origin);
    }
    Condition::new(is_needed(settings), cors)
}

/// True if pages of some other origin may use the server. Without the layer, every preflight is refused.
pub(super) fn is_needed(settings: &Settings) -> bool {
    !settings.cors_origins.is_empty()
}

/// True if the layer answers the request itself: a preflight.
pub(super) fn is_preflight(request: &ServiceRequest) -> bool {
    let requested = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD);
    let is_method = |value: &HeaderValue| Method::from_bytes(value.as_bytes()).is_ok();
    request.method() == Method::OPTIONS && requested.is_some_and(is_method)
}
