//! `LocalPath`: the page to which a sign-in leads back, given by the browser.
//!
//! It is a path of the console and nothing else, so that no link can lead to another site after a
//! sign-in on this one (OWASP Unvalidated Redirects Cheat Sheet).

use std::fmt;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::REFERER;
use url::{Url, form_urlencoded};

use crate::page::{NOTICE, query_value};
use crate::paths::{CONFIRM, HOME, RENEW, SIGN_IN, SIGN_OUT};

/// The path and the query of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalPath(String);

/// The name of the parameter in queries and forms.
pub(crate) const NEXT: &str = "next";

/// The maximum length in bytes.
const MAX_LENGTH: usize = 512;

impl Default for LocalPath {
    fn default() -> Self {
        Self(HOME.to_owned())
    }
}

impl LocalPath {
    /// The path, if it is one of a page that a person can come back to; else the first page.
    pub(crate) fn parse(text: &str) -> Self {
        if is_local(text) { Self(text.to_owned()) } else { Self::default() }
    }

    /// The parameter `next` of the query of a request.
    pub(crate) fn of_query(request: &HttpRequest) -> Self {
        query_value(request, NEXT).map(|text| Self::parse(&text)).unwrap_or_default()
    }

    /// The path of a form that is sent.
    pub(crate) fn of_form(request: &HttpRequest) -> Option<Self> {
        let target =
            request.uri().path_and_query().filter(|_| *request.method() == Method::POST)?;
        is_local(target.as_str()).then(|| Self(target.as_str().to_owned()))
    }

    /// The page of a request: itself, or that of the form that it sends, without the notice of an earlier one.
    pub(crate) fn of_page(request: &HttpRequest) -> Self {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            let target = request.uri().path_and_query();
            return target.map(|target| Self::parse(target.as_str())).unwrap_or_default();
        }
        let referer = request.headers().get(REFERER).and_then(|value| value.to_str().ok());
        let page = referer.and_then(|referer| Url::parse(referer).ok());
        page.map(|page| Self::of_url(&page)).unwrap_or_default()
    }

    fn of_url(page: &Url) -> Self {
        let query = page.query_pairs().filter(|(key, _)| key != NOTICE);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let separator = if query.is_empty() { "" } else { "?" };
        Self::parse(&format!("{}{separator}{query}", page.path()))
    }

    /// This page as the parameter `next` of another path.
    pub(crate) fn after(&self, path: &str) -> String {
        if self.0 == HOME {
            return path.to_owned();
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        format!("{path}?{}", query.append_pair(NEXT, &self.0).finish())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Pages to which no sign-in leads back: those before it, and files.
const NEVER: [&str; 5] = [SIGN_IN, SIGN_OUT, RENEW, CONFIRM, "/console/assets"];

fn is_local(text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default();
    let is_below = path == HOME || path.starts_with("/console/");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~?=&%+".contains(&byte);
    let is_segment = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
    is_below
        && text.len() <= MAX_LENGTH
        && text.bytes().all(is_plain)
        && path.split('/').skip(1).all(is_segment)
        && !path.contains('%')
        && !NEVER.iter().any(|never| path.starts_with(never))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_console_are_kept() {
        for text in ["/console", "/console/sessions", "/console/a/b?x=1&y=%2F", "/console?x=y"] {
            assert_eq!(LocalPath::parse(text).as_str(), text);
        }
        for text in [
            "",
            "/",
            "console",
            "/api/auth/me",
            "/consolation",
            "//evil.example/console",
            "/console//evil.example",
            "/console/../api",
            "/console/./x",
            "/console/%2e%2e/api",
            "/console/\\evil",
            "/\\evil.example",
            "https://evil.example/console",
            "javascript:alert(1)",
            "/console/a b",
            "/console/a\r\nset-cookie: x=y",
            "/console/x#y",
            "/console/@evil.example",
            "/console/",
            "/console/sign-in",
            "/console/sign-in/code",
            "/console/sign-out",
            "/console/renew?next=/console",
        ] {
            assert_eq!(LocalPath::parse(text), LocalPath::default(), "{text:?}");
        }
        let long = format!("/console/{}", "a".repeat(MAX_LENGTH));
        assert_eq!(LocalPath::parse(&long), LocalPath::default());
    }

    #[test]
    fn a_page_is_named_in_the_query_of_another() {
        let path = LocalPath::parse("/console/sessions?a=b");
        let after = path.after("/console/sign-in");
        assert_eq!(after, "/console/sign-in?next=%2Fconsole%2Fsessions%3Fa%3Db");
        assert_eq!(LocalPath::default().after("/console/sign-in"), "/console/sign-in");
    }

    #[test]
    fn the_page_of_a_form_keeps_its_query_but_no_notice() {
        for (referer, page) in [
            ("https://auth.example/console/a?period=day&notice=done", "/console/a?period=day"),
            ("https://auth.example/console/a?notice=done", "/console/a"),
            ("https://auth.example/console/a", "/console/a"),
            ("https://auth.example/elsewhere?x=y", HOME),
        ] {
            assert_eq!(LocalPath::of_url(&Url::parse(referer).unwrap()).as_str(), page);
        }
    }
}
