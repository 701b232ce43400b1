//! Headers of every answer (OWASP Secure Headers; ASVS 5.0 section 3.4).

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Adds them. What an answer says of itself about its storage in caches stays.
pub(crate) fn protect(headers: &mut HeaderMap, content_policy: &'static str, secure: bool) {
    let always = [
        ("content-security-policy", content_policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in always {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
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
