//! Where a request was made: which page a browser sent it from, and who sent it.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use portcullis_flows::event::Origin;

use crate::request::RequestContext;
use crate::server::Settings;

/// Address and user agent, for the audit trail.
pub(crate) fn of(request: &HttpRequest) -> Origin {
    let user_agent = request.headers().get(header::USER_AGENT);
    let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
    Origin {
        address: RequestContext::address_of(request),
        user_agent: user_agent.map(|text| printable(&text)),
    }
}

/// At most 256 characters, none of which could break a line of a log.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(256).collect()
}

/// Which page a request was sent from, by what browsers say of it and scripts cannot change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// One of our own, or of an origin that CORS allows.
    Allowed,
    /// Another one: a forgery, or a page that was never allowed.
    Foreign,
    /// The client says nothing of pages: no browser of this decade.
    Unknown,
}

/// Judges `Sec-Fetch-Site` (W3C Fetch Metadata) and `Origin` (RFC 6454).
pub(crate) fn page(headers: &HeaderMap, settings: &Settings) -> Page {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    match (text("sec-fetch-site"), text("origin")) {
        (Some("same-origin"), _) => Page::Allowed,
        (_, Some(origin)) if settings.allows_origin(origin) => Page::Allowed,
        (None, None) => Page::Unknown,
        _ => Page::Foreign,
    }
}
