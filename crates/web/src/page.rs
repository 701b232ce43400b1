//! The page that sent a request, by the headers `Sec-Fetch-Site`, `Origin` and `Referer` of
//! browsers.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use url::Url;

use crate::group::{Group, Groups};
use crate::problem::Problem;
use crate::settings::Settings;

/// The page that sent a request, by headers that scripts cannot change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// A page of this server, or for a shared group of routes one of an origin that CORS allows.
    Allowed,
    /// Another page: a forgery, or a page that was never allowed.
    Foreign,
    /// Unknown: the client sends none of these headers, and so is no modern browser.
    Unknown,
}

/// The page that sent this request.
pub(crate) fn of(request: &HttpRequest) -> Result<Page, Problem> {
    Ok(judge(request.headers(), Settings::of(request)?, Groups::of(request)))
}

/// Checks `Sec-Fetch-Site` (W3C Fetch Metadata) and `Origin` (RFC 6454); without both, `Referer`,
/// which can show that a page is foreign, but not that it is allowed.
fn judge(headers: &HeaderMap, settings: &Settings, group: &Group) -> Page {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    match (text("sec-fetch-site"), text("origin")) {
        (Some("same-origin"), _) => Page::Allowed,
        (_, Some(origin)) if settings.allows_origin(origin, group) => Page::Allowed,
        (None, None) => match text("referer") {
            Some(referer) if !is_of_allowed_page(referer, settings, group) => Page::Foreign,
            _ => Page::Unknown,
        },
        _ => Page::Foreign,
    }
}

fn is_of_allowed_page(referer: &str, settings: &Settings, group: &Group) -> bool {
    let is_allowed = |url: Url| settings.allows_origin(&url.origin().ascii_serialization(), group);
    Url::parse(referer).is_ok_and(is_allowed)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{self, HeaderName, HeaderValue};

    use super::*;
    use crate::group::API;

    fn of(headers: &HeaderMap, settings: &Settings) -> Page {
        judge(headers, settings, &API)
    }

    #[test]
    fn a_page_is_judged_by_what_its_browser_says() {
        let own = "https://auth.example.org";
        for (sec_fetch_site, origin, expected) in [
            (None, None, Page::Unknown),
            (None, Some(own), Page::Allowed),
            (None, Some("https://app.example.org"), Page::Allowed),
            (None, Some("https://evil.example"), Page::Foreign),
            (None, Some("https://auth.example.org.evil.example"), Page::Foreign),
            (None, Some("https://auth.example.org:8443"), Page::Foreign),
            (None, Some("http://auth.example.org"), Page::Foreign),
            (None, Some("null"), Page::Foreign),
            (None, Some(""), Page::Foreign),
            (Some("same-origin"), None, Page::Allowed),
            (Some("same-origin"), Some(own), Page::Allowed),
            (Some("same-site"), None, Page::Foreign),
            (Some("cross-site"), None, Page::Foreign),
            (Some("none"), None, Page::Foreign),
            (Some("cross-site"), Some("https://app.example.org"), Page::Allowed),
            (Some("cross-site"), Some("https://evil.example"), Page::Foreign),
            (Some("same-site"), Some("null"), Page::Foreign),
            (Some("something-new"), None, Page::Foreign),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", sec_fetch_site), ("origin", origin)] {
                if let Some(value) = value {
                    let value = HeaderValue::from_static(value);
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
            assert_eq!(of(&headers, &settings()), expected, "{sec_fetch_site:?} {origin:?}");
        }
    }

    #[test]
    fn without_an_origin_a_foreign_referer_gives_the_page_away() {
        for (referer, expected) in [
            ("https://auth.example.org/api/docs/?x=y", Page::Unknown),
            ("https://app.example.org", Page::Unknown),
            ("https://evil.example/auth.example.org", Page::Foreign),
            ("https://auth.example.org.evil.example/", Page::Foreign),
            ("http://auth.example.org/", Page::Foreign),
            ("about:blank", Page::Foreign),
            ("", Page::Foreign),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::REFERER, HeaderValue::from_static(referer));
            assert_eq!(of(&headers, &settings()), expected, "{referer}");
        }
    }

    #[test]
    fn a_page_of_another_origin_is_foreign_to_routes_that_are_not_shared() {
        let own = Group { is_shared: false, ..API };
        for (name, app, expected) in [
            (header::ORIGIN, "https://app.example.org", Page::Foreign),
            (header::ORIGIN, "https://auth.example.org", Page::Allowed),
            (header::REFERER, "https://app.example.org/", Page::Foreign),
            (header::REFERER, "https://auth.example.org/", Page::Unknown),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(app));
            assert_eq!(judge(&headers, &settings(), &own), expected, "{app}");
        }
    }

    #[test]
    fn an_unreadable_origin_is_foreign() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_bytes(b"https://\xff").unwrap());
        assert_eq!(of(&headers, &settings()), Page::Foreign);
    }

    fn settings() -> Settings {
        Settings {
            cors_origins: vec!["https://app.example.org".to_owned()],
            ..Settings::new("https://auth.example.org".to_owned())
        }
    }
}
