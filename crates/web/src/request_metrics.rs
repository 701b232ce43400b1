//! Metrics of requests: answers by route and status, their latency, and problems by code.
//!
//! Each thread has its own counters of each route, registered when it mounts the route. So a request takes no
//! lock, allocates nothing and shares no cache line with the requests of other threads. A reader adds the
//! counters up.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use portcullis_domain::Clock;

use crate::problem::Code;
use crate::request::RequestContext;
use crate::route_counters::{RouteCounters, RouteMetrics};

/// Method and path of requests without a route: of unknown paths, and refused before the choice of a route.
const NO_ROUTE: &str = "none";

type Registered = BTreeMap<(&'static str, &'static str), Vec<Arc<RouteCounters>>>;

/// The metrics of the requests of this node.
pub struct RequestMetrics {
    routes: Mutex<Registered>,
    /// In the order of [`Code::ALL`].
    problems: [AtomicU64; Code::ALL.len()],
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let problems = [(); Code::ALL.len()].map(|()| AtomicU64::new(0));
        Self { routes: Mutex::default(), problems }
    }
}

impl RequestMetrics {
    /// The counters of a route for one more thread.
    pub(crate) fn register(&self, method: &'static str, path: &'static str) -> Arc<RouteCounters> {
        let counters = Arc::new(RouteCounters::new(method, path));
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.entry((method, path)).or_default().push(Arc::clone(&counters));
        counters
    }

    /// The meter of one more thread.
    pub(crate) fn meter(self: &Arc<Self>, clock: Arc<dyn Clock>) -> Rc<RequestMeter> {
        let without_route = self.register(NO_ROUTE, NO_ROUTE);
        Rc::new(RequestMeter { metrics: Arc::clone(self), clock, without_route })
    }

    /// Counts an answer with a problem.
    pub(crate) fn count_problem(&self, code: Code) {
        let mut known = Code::ALL.iter().zip(&self.problems);
        if let Some((_, counter)) = known.find(|(known, _)| **known == code) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The routes that have answered a request, with their answers.
    pub fn routes(&self) -> Vec<RouteMetrics> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let all = routes.iter().map(|((method, path), it)| RouteMetrics::sum(method, path, it));
        all.filter(|route| route.count > 0).collect()
    }

    /// The answers with a problem, by its code, without the codes that did not occur.
    pub fn problems(&self) -> impl Iterator<Item = (Code, u64)> + '_ {
        let counts = self.problems.iter().map(|count| count.load(Ordering::Relaxed));
        Code::ALL.iter().copied().zip(counts).filter(|(_, count)| *count > 0)
    }
}

impl fmt::Debug for RequestMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestMetrics").finish_non_exhaustive()
    }
}

/// Measures the requests of one thread.
pub(crate) struct RequestMeter {
    metrics: Arc<RequestMetrics>,
    clock: Arc<dyn Clock>,
    without_route: Arc<RouteCounters>,
}

impl RequestMeter {
    /// The meter of the thread that serves this request.
    pub(crate) fn of(request: &ServiceRequest) -> Option<Rc<Self>> {
        request.app_data::<Rc<Self>>().cloned()
    }

    /// The present time.
    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Counts the answer to a request; returns its latency.
    pub(crate) fn answered(&self, context: &RequestContext, status: StatusCode) -> Duration {
        let latency = self.now().saturating_sub(context.begun);
        let counters = context.counters.get().unwrap_or(&self.without_route);
        counters.count(status, latency);
        latency
    }

    /// Counts an answer with a problem.
    pub(crate) fn count_problem(&self, code: Code) {
        self.metrics.count_problem(code);
    }
}

/// Notes the route of a request for its metrics.
pub(crate) fn note_route(context: &RequestContext, counters: &Arc<RouteCounters>) {
    // The route of a request is chosen once.
    let _ = context.counters.set(Arc::clone(counters));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_listed_once_and_only_after_its_first_answer() {
        let metrics = RequestMetrics::default();
        let threads = [(); 2].map(|()| metrics.register("GET", "/accounts/{id}"));
        assert_eq!(metrics.routes(), [], "no request so far");
        for thread in threads {
            thread.count(StatusCode::OK, Duration::ZERO);
        }
        let [route] = &metrics.routes()[..] else { panic!("one route") };
        assert_eq!((route.method, route.path, route.count), ("GET", "/accounts/{id}", 2));
    }

    #[test]
    fn problems_are_counted_by_their_code() {
        let metrics = RequestMetrics::default();
        let last = *Code::ALL.last().unwrap();
        for code in [Code::Banned, last, Code::Banned] {
            metrics.count_problem(code);
        }
        assert_eq!(metrics.problems().collect::<Vec<_>>(), [(Code::Banned, 2), (last, 1)]);
    }
}
