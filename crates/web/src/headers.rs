//! Security headers of every response (OWASP Secure Headers; ASVS 5.0 section 3.4), and the headers
//! of rate limits.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use portcullis_rate_limit::{States, headers};

/// The policies of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policies {
    /// The header `Content-Security-Policy`.
    pub(crate) content: &'static str,
    /// The path that receives reports of violations of it.
    pub(crate) violation_reports: Option<&'static str>,
    /// The header `Referrer-Policy`.
    pub(crate) referrer: &'static str,
}

/// Adds the security headers. A `Cache-Control` header of the response stays.
pub(crate) fn protect(headers: &mut HeaderMap, policies: Policies, secure: bool) {
    add_content_policy(headers, policies, secure);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(policies.referrer));
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

/// Adds the content policy, and where browsers report its violations: `report-uri`, and over TLS `report-to` too.
///
/// A browser that knows `report-to` ignores `report-uri`, and sends nothing to an endpoint that was named without
/// TLS. So without TLS only the older one is named.
fn add_content_policy(headers: &mut HeaderMap, policies: Policies, secure: bool) {
    let Policies { content, violation_reports, .. } = policies;
    let policy = violation_reports.and_then(|path| {
        let endpoint = HeaderValue::from_str(&format!("{ENDPOINT}=\"{path}\"")).ok();
        let to = match endpoint.filter(|_| secure) {
            Some(endpoint) => {
                headers.insert(REPORTING_ENDPOINTS, endpoint);
                format!("; report-to {ENDPOINT}")
            }
            None => String::new(),
        };
        HeaderValue::from_str(&format!("{content}; report-uri {path}{to}")).ok()
    });
    let policy = policy.unwrap_or_else(|| HeaderValue::from_static(content));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
}

const REPORTING_ENDPOINTS: HeaderName = HeaderName::from_static("reporting-endpoints");

/// The name of the endpoint of reports, for browsers.
const ENDPOINT: &str = "csp";

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
