//! Routes: one declaration holds everything about a route, and mounting installs it.
//!
//! Guard and limit run before the body is read; the handler takes their results as
//! [`Caller`](crate::Caller) or [`ConcurrencyPermit`](crate::ConcurrencyPermit).

use std::rc::Rc;
use std::sync::Arc;

use actix_service::fn_service;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::guard::fn_guard;
use actix_web::http::header;
use actix_web::web::ServiceConfig;
use actix_web::{
    Error, FromRequest, Handler, HttpMessage, HttpRequest, HttpResponse, Responder, http, web,
};

use crate::guard::{Guard, GuardResult};
use crate::headers::add_rate_limits;
use crate::limit::{FairSemaphore, Limit, Limits, RateLimits, RouteRate};
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
            Self::Json(limit) | Self::OptionalJson(limit) | Self::Form(limit) => limit,
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

    /// True if a route with this method answers a request with that one. A route that answers GET
    /// also answers HEAD (RFC 9110 section 9.3.2).
    fn answers(self, asked: &http::Method) -> bool {
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

/// Mounts routes, with guard and limit.
pub struct Mount<'a> {
    app: &'a mut ServiceConfig,
    limits: &'a Limits,
}

impl<'a> Mount<'a> {
    /// Mounts into this application; the threads of a node share these limits.
    pub fn new(app: &'a mut ServiceConfig, limits: &'a Limits) -> Self {
        Self { app, limits }
    }
}

impl Router for Mount<'_> {
    fn add<F, Args>(&mut self, route: &'static Route, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let entrance = Rc::new(Entrance {
            route,
            permits: self.limits.permits(route.limit),
            rate: self.limits.rates().of_route(route.limit.rate),
            rates: self.limits.rates(),
        });
        let service = fn_service(move |request: ServiceRequest| {
            let (handler, entrance) = (handler.clone(), Rc::clone(&entrance));
            async move {
                let (request, mut payload) = request.into_parts();
                let answer = entrance.answer(&handler, &request, &mut payload).await;
                Ok::<_, Error>(ServiceResponse::new(request, answer))
            }
        });
        let method = fn_guard(|context| route.method.answers(&context.head().method));
        self.app.route(route.path, web::route().guard(method).service(service));
    }
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
    /// The response without a matching route: 405 with `Allow` for a known path, else 404. The
    /// general request limit of the client address holds for it too.
    pub async fn no_such_route(&self, request: &HttpRequest, rates: &RateLimits) -> HttpResponse {
        if let Err(problem) = rates.admit_address(request, &RouteRate::General).await {
            return HttpResponse::from_error(problem);
        }
        let known = self.0.iter().filter(|route| route.matches(request.path()));
        let allowed: Vec<&str> = known.map(|route| route.methods()).collect();
        if allowed.is_empty() {
            return HttpResponse::from_error(Problem::new(Code::NotFound));
        }
        let mut response = HttpResponse::from_error(Problem::new(Code::MethodNotAllowed));
        if let Ok(allow) = allowed.join(", ").parse() {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
}

/// The route of a request whose body is read, in the extensions of the request.
struct Mounted(&'static Route);

/// The entrance of a route: its limits and its guard.
struct Entrance {
    route: &'static Route,
    permits: Option<Arc<FairSemaphore>>,
    rates: Arc<RateLimits>,
    rate: RouteRate,
}

impl Entrance {
    /// Checks the rate limits of the address, then answers.
    async fn answer<F, Args>(
        &self,
        handler: &F,
        request: &HttpRequest,
        payload: &mut Payload,
    ) -> HttpResponse
    where
        F: Handler<Args>,
        Args: FromRequest,
        F::Output: Responder,
    {
        let states = match self.rates.admit_address(request, &self.rate).await {
            Ok(states) => states,
            Err(problem) => return HttpResponse::from_error(problem),
        };
        let answer = self.handle(handler, request, payload).await;
        let mut answer = answer.unwrap_or_else(HttpResponse::from_error);
        if let Some(states) = states {
            add_rate_limits(answer.headers_mut(), &states);
        }
        answer
    }

    /// Runs the guard and the other limits, then extracts the arguments of the handler, including
    /// the body, then runs the handler.
    async fn handle<F, Args>(
        &self,
        handler: &F,
        request: &HttpRequest,
        payload: &mut Payload,
    ) -> Result<HttpResponse, Error>
    where
        F: Handler<Args>,
        Args: FromRequest,
        F::Output: Responder,
    {
        self.admit(request).await?;
        let arguments = Args::from_request(request, payload).await.map_err(Into::into)?;
        Ok(handler.call(arguments).await.respond_to(request).map_into_boxed_body())
    }

    async fn admit(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Self { route, permits, rates, .. } = self;
        let admission = route.guard.admit(request).await?;
        if let GuardResult::Principal(principal) = &admission
            && let Some(account) = principal.account()
        {
            rates.admit_account(account)?;
        }
        let permit = match (permits, route.limit.concurrency) {
            (Some(permits), Some(kind)) => {
                let largest = route.body.limit();
                Some(kind.enter(permits, request, largest, admission.actor()).await?)
            }
            _ => None,
        };
        let mut extensions = request.extensions_mut();
        if route.body != Body::None {
            extensions.insert(Mounted(route));
        }
        if let Some(permit) = permit {
            extensions.insert(permit);
        }
        match admission {
            GuardResult::Anonymous => {}
            GuardResult::Principal(principal) => drop(extensions.insert(principal)),
            GuardResult::SessionCredentials(session_credentials) => {
                drop(extensions.insert(session_credentials));
            }
        }
        Ok(())
    }
}
