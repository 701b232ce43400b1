//! Security headers of every response (OWASP Secure Headers; ASVS 5.0 section 3.4), and the headers
//! of rate limits.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use portcullis_rate_limit::{States, headers};

/// The policies of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policies {
    /// The header `Content-Security-Policy`.
    pub(crate) content: &'static str,
    /// The header `Referrer-Policy`.
    pub(crate) referrer: &'static str,
}

/// Adds the security headers. A `Cache-Control` header of the response stays.
pub(crate) fn protect(headers: &mut HeaderMap, policies: Policies, secure: bool) {
    let Policies { content: content_policy, referrer: referrer_policy } = policies;
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(content_policy));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer_policy));
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

/// Adds `RateLimit-Policy`, `RateLimit` and, after a refusal, `Retry-After`
/// (draft-ietf-httpapi-ratelimit-headers).
pub(crate) fn add_rate_limits(response: &mut HeaderMap, quotas: &States) {
    for (name, value) in headers::fields(quotas) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.insert(HeaderName::from_static(name), value);
        }
    }
}

/// The headers with a fixed value.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (header::CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin")),
    (
        header::PERMISSIONS_POLICY,
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];
