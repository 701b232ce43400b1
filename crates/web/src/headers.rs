//! Security headers of every response (OWASP Secure Headers; ASVS 5.0 section 3.4).

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Adds the security headers. A `Cache-Control` header of the response stays.
pub(crate) fn protect(headers: &mut HeaderMap, content_policy: &'static str, secure: bool) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(content_policy));
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if secure {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
}

/// The headers with a fixed value.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (header::CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin")),
    (
        header::PERMISSIONS_POLICY,
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];
