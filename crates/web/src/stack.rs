//! The request stack: every step between a connection and a handler, in this order.
//!
//! | | Step | A refusal is |
//! |---|---|---|
//! | | connections in all and of the peer, head of the request (`transport`) | a closed connection, 400, 408, 431 |
//! | 1 | request id, trace context | |
//! | 2 | client address | |
//! | 3 | bans, length of the URL; general rate limit of preflights and of too long URLs | 403, 414, 429 |
//! | 4 | security headers and form of errors, for every response | |
//! | 5 | CORS | no CORS headers |
//! | 6 | requests under way, by the priority of the route | 503 |
//! | 7 | general rate limit of the client address | 429 |
//! | 8 | page that sent a change without sign-in | 403 |
//! | 9 | rate limit of the route | 429 |
//! | 10 | authentication | 401 |
//! | 11 | CSRF | 403 |
//! | 12 | age of the sign-in, forced password change, permissions | 401, 403 |
//! | 13 | rate limit of the account, and of the API key | 429 |
//! | 14 | concurrency limit of the route | 503 |
//! | 15 | body: type, size, time, form; bodies awaited; CSRF token of a form | 403, 408, 413, 415, 422, 503 |
//! | 16 | handler | |
//!
//! [`edge`] and [`layers`] hold the steps for every path, [`RouteStack`] those of a route. Nothing of
//! the body is read for a request that is refused before step 15. Step 8 comes before the limit of the
//! route, so that a page of another site cannot use up the sign-ins of its visitor, nor get the visitor
//! banned. Steps 10 to 16 have one timeout,
//! `Limit::timeout`. Guards and use cases write the audit log. `docs/requests.md` has a picture.

mod cors;
mod response;

use std::cell::OnceCell;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_service::ServiceFactory;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::{Next, from_fn};
use actix_web::{
    App, Error, FromRequest, Handler, HttpMessage, HttpRequest, HttpResponse, Responder, rt, web,
};
use portcullis_audit::Actor;
use portcullis_domain::Ambient;
use portcullis_rate_limit::{AddressPrefix, States};
use tracing::{Instrument, Span};

use crate::ban;
use crate::client_address::{AddressOwner, client_address};
use crate::csrf;
use crate::group::Groups;
use crate::guard::GuardResult;
use crate::headers::add_rate_limits;
use crate::lifecycle::Lifecycle;
use crate::limit::{FairPermit, FairSemaphore, Limits, Place, Priority, RouteRate};
use crate::poll_once::poll_once;
use crate::problem::{Code, Problem};
use crate::request::RequestContext;
use crate::request_id::{REQUEST_ID, RequestIds};
use crate::request_metrics::{RequestMeter, note_route};
use crate::route::{Body, Mounted, Route};
use crate::route_counters::RouteCounters;
use crate::settings::Settings;
use crate::trace_context::{TRACEPARENT, TraceContext};
use crate::traces::TraceSink;
use crate::transport::Progress;

/// Puts the steps for every path around an application.
pub(crate) fn layers<T>(
    app: App<T>,
    settings: &Settings,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    > + use<T>,
>
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse,
            Error = Error,
            InitError = (),
        > + 'static,
{
    // The last one is the first to see a request.
    app.wrap(cors::cors(settings)).wrap(from_fn(edge))
}

/// Steps 1 to 4.
async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let meter = RequestMeter::of(&request);
    let context = Rc::new(context(&request, meter.as_deref()));
    request.extensions_mut().insert(Rc::clone(&context));

    let progress = request.conn_data::<Progress>().cloned();
    if let Some(progress) = &progress {
        progress.watch(&mut request);
    }
    let group = Groups::of(request.request());
    let span = span(&context);
    let mut is_last = false;
    let response = match check_edge(&request, &context) {
        Ok(()) => match &span {
            Some(span) => next.call(request).instrument(span.clone()).await?,
            None => next.call(request).await?,
        }
        .map_into_boxed_body(),
        Err(problem) => {
            // A further request of a banned client would be refused too. Other clients send theirs on
            // the connection of a proxy.
            is_last = problem.code == Code::Banned && !context.is_proxied;
            request.error_response(problem)
        }
    };

    let mut response = response::render_problem(response, group, &context.id, meter.as_deref());
    // A clone before the call would write to a reference count that all threads share.
    let settings = response.request().app_data::<web::Data<Settings>>();
    let secure = settings.is_some_and(|settings| settings.secure_cookies);
    let lifecycle = response.request().app_data::<web::Data<Lifecycle>>();
    let is_stopping = lifecycle.is_some_and(|lifecycle| lifecycle.is_stopping());
    response::add_headers(&mut response, group, &context, secure);
    if is_last || is_stopping || progress.as_ref().is_some_and(Progress::is_last) {
        response::close_connection(&mut response);
    }
    match &span {
        Some(span) => span.in_scope(|| response::log(&response, &context)),
        None => response::log(&response, &context),
    }
    let latency = meter.map(|meter| meter.answered(&context, response.status()));
    if context.is_recorded {
        response::record(&response, &context, latency.unwrap_or_default());
    }
    Ok(match progress {
        Some(progress) => progress.answered(response),
        None => response,
    })
}

/// Request id, client address, trace context and time of arrival.
fn context(request: &ServiceRequest, meter: Option<&RequestMeter>) -> RequestContext {
    let settings = request.app_data::<web::Data<Settings>>();
    let request_ids = request.app_data::<web::Data<RequestIds>>();
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let is_proxied = settings.is_some_and(|settings| settings.trusts(peer));
    let address = settings.map_or(peer, |settings| {
        let Settings { trusted_proxies, forwarding_header, .. } = &***settings;
        client_address(peer, request.headers(), trusted_proxies, *forwarding_header)
    });
    let sink = settings.and_then(|settings| settings.traces.as_deref());
    let (trace, is_recorded) = trace(request, sink, is_proxied);
    RequestContext {
        id: given_id(request.headers())
            .filter(|_| is_proxied)
            .or_else(|| request_ids.map(|request_ids| request_ids.next()))
            .unwrap_or_default(),
        address,
        is_proxied,
        owner: settings.map_or_else(AddressOwner::default, |settings| settings.owner_of(address)),
        trace,
        is_recorded,
        begun: meter.map_or(Duration::ZERO, RequestMeter::now),
        counters: OnceCell::new(),
    }
}

/// The trace of a request, if the client names one or an exporter takes it, and whether an exporter does.
fn trace(
    request: &ServiceRequest,
    sink: Option<&dyn TraceSink>,
    is_proxied: bool,
) -> (Option<TraceContext>, bool) {
    if sink.is_none() && !request.headers().contains_key(TRACEPARENT) {
        return (None, false);
    }
    let Some(ambient) = request.app_data::<web::Data<Ambient>>() else { return (None, false) };
    let random = &*ambient.random;
    let trace = TraceContext::of(request.headers(), random);
    let trace = trace.unwrap_or_else(|| TraceContext::begin(random));
    // Only a proxy may choose the traces that are recorded.
    let caller = trace.is_sampled().filter(|_| is_proxied);
    let is_recorded = sink.is_some_and(|sink| sink.samples(trace.span.0, caller));
    (Some(trace).filter(|trace| trace.is_named || is_recorded), is_recorded)
}

/// The span of a request in the log, if it has a trace. Every level of the log has it.
fn span(context: &RequestContext) -> Option<Span> {
    let trace = context.trace?.trace;
    Some(tracing::error_span!("request", trace_id = %trace, request_id = context.id))
}

/// The refusals that need no route. Nothing after this step counts a preflight and a URL that is too
/// long, so they count here.
fn check_edge(request: &ServiceRequest, context: &RequestContext) -> Result<(), Problem> {
    ban::check(request, context.address)?;
    let length = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let (is_too_long, is_preflight) = (length > MAX_URL, cors::is_preflight(request));
    if !is_too_long && !is_preflight {
        return Ok(());
    }
    if let Some(limits) = request.app_data::<web::Data<Limits>>() {
        limits.rates().admit_address(context, &RouteRate::General)?;
    }
    let settings = request.app_data::<web::Data<Settings>>();
    if is_too_long {
        Err(Problem::new(Code::UrlTooLong))
    } else if settings.is_some_and(|settings| cors::is_needed(settings)) {
        Ok(())
    } else {
        Err(Problem::new(Code::ForeignOrigin))
    }
}

/// The maximum of path and query, in bytes (RFC 9110 section 4.1 recommends 8,000 at least).
const MAX_URL: usize = 8 * 1024;

/// The request id from a proxy, if its form is safe.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let harmless = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    ((8..=64).contains(&id.len()) && harmless).then(|| id.to_owned())
}

/// Steps 6 and 7, for routes and for paths without one. The request is under way until the permit is
/// dropped, or, while it waits for its body, gives its place back.
pub(crate) async fn enter(
    request: &HttpRequest,
    context: &RequestContext,
    limits: &Limits,
    priority: Priority,
    rate: &RouteRate,
) -> Result<Option<FairPermit<AddressPrefix>>, Problem> {
    let under_way = match rate {
        RouteRate::Exempt => None,
        RouteRate::General | RouteRate::Quota { .. } => {
            Some(limits.enter(request, context, priority).await?)
        }
    };
    limits.rates().admit_address(context, rate)?;
    Ok(under_way)
}

/// An admitted request; it is under way until this is dropped.
struct Entered {
    _under_way: UnderWay,
    /// The state of the rate limit of the route.
    states: Option<States>,
}

/// The place of a request among those under way.
enum UnderWay {
    /// For a route that reads no body.
    Whole { _permit: Option<FairPermit<AddressPrefix>> },
    /// Given back while the request waits for its body.
    BesidesBody { _place: Option<Rc<Place>> },
}

/// Steps 6 to 16 of a route.
pub(crate) struct RouteStack {
    route: &'static Route,
    limits: Arc<Limits>,
    rate: RouteRate,
    permits: Option<Arc<FairSemaphore<Actor>>>,
    counters: Arc<RouteCounters>,
}

impl RouteStack {
    pub(crate) fn new(route: &'static Route, limits: &Arc<Limits>) -> Self {
        Self {
            route,
            rate: limits.rates().of_route(route.limit.rate),
            permits: limits.permits(route.limit),
            counters: limits.metrics().register(route.method.as_str(), route.path),
            limits: Arc::clone(limits),
        }
    }

    /// Answers a request.
    pub(crate) async fn answer<F, Args>(
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
        let context = RequestContext::of(request);
        note_route(&context, &self.counters);
        let entered = match self.enter(request, &context).await {
            Ok(entered) => entered,
            Err(problem) => return HttpResponse::from_error(problem),
        };
        let mut work = pin!(self.handle(handler, request, payload));
        // Most requests need no timer: they are answered at once.
        let answer = match poll_once(work.as_mut()).await {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                let answer = rt::time::timeout(self.route.limit.timeout, work).await;
                answer.unwrap_or_else(|_| Err(self.late().into()))
            }
        };
        let mut answer = answer.unwrap_or_else(HttpResponse::from_error);
        if let Some(states) = &entered.states {
            add_rate_limits(answer.headers_mut(), states);
        }
        answer
    }

    /// Steps 6 to 9.
    async fn enter(
        &self,
        request: &HttpRequest,
        context: &RequestContext,
    ) -> Result<Entered, Problem> {
        let Self { route, limits, rate, .. } = self;
        let priority = route.limit.priority;
        let permit = enter(request, context, limits, priority, rate).await?;
        let under_way = if route.body == Body::None {
            UnderWay::Whole { _permit: permit }
        } else {
            let place = permit.map(|permit| Place::of_request(request, limits, priority, permit));
            UnderWay::BesidesBody { _place: place }
        };
        route.guard.check_page(request)?;
        let states = limits.rates().admit_to_route(context, rate).await?;
        Ok(Entered { _under_way: under_way, states })
    }

    /// The problem of a request that takes too long. A change may have taken effect.
    fn late(&self) -> Problem {
        let Route { method, guard, .. } = self.route;
        if method.is_safe() || guard.is_query {
            Problem::unavailable()
        } else {
            Problem::outcome_unknown()
        }
    }

    /// Steps 10 to 16.
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
        csrf::require_checked(request)?;
        Ok(handler.call(arguments).await.respond_to(request).map_into_boxed_body())
    }

    /// Steps 10 to 14.
    async fn admit(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Self { route, permits, limits, .. } = self;
        if matches!(route.body, Body::Form(_)) {
            csrf::accept_form(request);
        }
        let admission = route.guard.admit(request).await?;
        if let GuardResult::Principal(principal) = &admission
            && let Some(account) = principal.account()
        {
            limits.rates().admit_account(account)?;
            if let Some(rate) = route.limit.account_rate {
                limits.rates().admit_account_to(rate, account).await?;
            }
            if let Some((key, _)) = principal.api_key() {
                limits.rates().admit_key(key)?;
            }
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
