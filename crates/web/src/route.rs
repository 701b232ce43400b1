//! Routes: one declaration holds everything about a route, and mounting installs it.
//!
//! The steps of a route are in `stack.rs`. The handler takes the results of guard and limit as
//! [`Caller`](crate::Caller) or [`ConcurrencyPermit`](crate::ConcurrencyPermit).

use actix_web::{FromRequest, Handler, HttpMessage, HttpRequest, Responder, http};

use crate::guard::Guard;
use crate::limit::Limit;
use crate::problem::{Code, Problem};

/// One route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The path; a segment in braces matches any segment.
    pub path: &'static str,
    /// Its requirements for callers.
    pub guard: Guard,
    /// Its limits.
    pub limit: Limit,
    /// The body that it reads.
    pub body: Body,
    /// The errors beyond those of every route with this guard and this body.
    pub errors: &'static [Code],
}

/// The methods of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 9110 section 9 and RFC 5789 explain them")]
pub enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

/// The body that a route reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// No body.
    None,
    /// JSON of at most this many bytes.
    Json(usize),
    /// JSON of at most this many bytes, or no body.
    OptionalJson(usize),
    /// `application/x-www-form-urlencoded` of at most this many bytes.
    Form(usize),
    /// Reports that a browser sends by itself, `application/csp-report` or `application/reports+json`, of at
    /// most this many bytes.
    Reports(usize),
}

/// The maximum body of most routes, in bytes.
pub const BODY_LIMIT: usize = 16 * 1024;

impl Body {
    /// JSON of at most 16 KiB.
    pub const JSON: Self = Self::Json(BODY_LIMIT);
    /// A form of at most 16 KiB.
    pub const FORM: Self = Self::Form(BODY_LIMIT);

    /// The maximum of bytes that are read.
    pub const fn limit(self) -> usize {
        match self {
            Self::None => 0,
            Self::Json(limit)
            | Self::OptionalJson(limit)
            | Self::Form(limit)
            | Self::Reports(limit) => limit,
        }
    }
}

impl Method {
    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// True if requests with this method change nothing (RFC 9110 section 9.2.1).
    pub(crate) const fn is_safe(self) -> bool {
        matches!(self, Self::Get)
    }

    /// True if a route with this method answers a request with that one. A route that answers GET
    /// also answers HEAD (RFC 9110 section 9.3.2).
    pub(crate) fn answers(self, asked: &http::Method) -> bool {
        *asked == self.as_str() || (self == Self::Get && asked == http::Method::HEAD)
    }
}

impl Route {
    /// The methods in the form of the header `Allow`.
    const fn methods(&self) -> &'static str {
        match self.method {
            Method::Get => "GET, HEAD",
            method => method.as_str(),
        }
    }

    fn matches(&self, path: &str) -> bool {
        let is_parameter = |segment: &str| segment.starts_with('{');
        let (known, asked) = (self.path.split('/'), path.split('/'));
        known.clone().count() == asked.clone().count()
            && known
                .zip(asked)
                .all(|(known, asked)| known == asked || (is_parameter(known) && !asked.is_empty()))
    }

    /// The route of a request with a body.
    pub(crate) fn of(request: &HttpRequest) -> Result<&'static Self, Problem> {
        let mounted = request.extensions().get::<Mounted>().map(|Mounted(route)| *route);
        mounted.ok_or_else(|| Problem::new(Code::Internal))
    }
}

/// The receiver of the list of routes: it is mounted, described in the API document, and tested.
pub trait Router {
    /// Adds a route.
    fn add<F, Args>(&mut self, route: &'static Route, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static;
}

/// Collects routes.
#[derive(Debug, Default)]
pub struct RouteTable(pub Vec<&'static Route>);

impl Router for RouteTable {
    fn add<F, Args>(&mut self, route: &'static Route, _: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.0.push(route);
    }
}

impl RouteTable {
    /// The header `Allow` of this path; `None` if no route has it.
    pub(crate) fn allowed_methods(&self, path: &str) -> Option<String> {
        let of = |matches: &dyn Fn(&Route) -> bool| -> Vec<&str> {
            let known = self.0.iter().filter(|route| matches(route));
            known.map(|route| route.methods()).collect()
        };
        // A path that is a route by itself is no value of a parameter.
        let literal = of(&|route| route.path == path);
        let allowed = if literal.is_empty() { of(&|route| route.matches(path)) } else { literal };
        (!allowed.is_empty()).then(|| allowed.join(", "))
    }
}

/// The route of a request whose body is read, in the extensions of the request.
pub(crate) struct Mounted(pub(crate) &'static Route);
