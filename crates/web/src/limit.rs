//! Limits of routes, declared in `Route::limit`: how often, how many at a time, how long, and what is
//! refused first.

mod awaited_body;
mod concurrency;
mod fair_semaphore;
pub mod quotas;
mod rate;
mod under_way;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;
use portcullis_audit::Actor;
use portcullis_rate_limit::AddressPrefix;

pub(crate) use self::awaited_body::{Place, receive};
pub use self::concurrency::{Concurrency, ConcurrencyPermit};
pub(crate) use self::fair_semaphore::{FairPermit, FairSemaphore};
pub(crate) use self::rate::RouteRate;
pub use self::rate::{
    Rate, RateLimit, RateLimitSettings, RateLimits, WRONG_API_KEYS, WRONG_INTROSPECTED_KEYS,
};
pub use self::under_way::Priority;
use self::under_way::RequestsUnderWay;
use crate::blocking::overload_pause;
use crate::pending::PendingPermit;
use crate::problem::Problem;
use crate::request::RequestContext;
use crate::request_metrics::RequestMetrics;
use crate::settings::RequestBounds;

/// The limits of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The rate limit.
    pub rate: Rate,
    /// A further rate limit for the account that has sent the request, whatever its address.
    pub account_rate: Option<&'static RateLimit>,
    /// The limit of concurrent requests.
    pub concurrency: Option<&'static Concurrency>,
    /// The priority while the node has too many requests.
    pub priority: Priority,
    /// The maximum time from the choice of the route to the response, body included.
    pub timeout: Duration,
}

impl Limit {
    /// The general request limit, normal priority, 30 s.
    pub const GENERAL: Self = Self {
        rate: Rate::General,
        account_rate: None,
        concurrency: None,
        priority: Priority::Normal,
        timeout: Duration::from_secs(30),
    };

    /// The general request limit, and this rate limit.
    pub const fn rate(rate: &'static RateLimit) -> Self {
        Self { rate: Rate::Of(rate), ..Self::GENERAL }
    }

    /// The general request limit, and this limit of concurrent requests.
    pub const fn concurrent(concurrency: &'static Concurrency) -> Self {
        Self { concurrency: Some(concurrency), ..Self::GENERAL }
    }

    /// No limit, for this reason.
    pub const fn exempt(reason: &'static str) -> Self {
        Self { rate: Rate::Exempt(reason), ..Self::GENERAL }
    }

    /// The same limit, and this rate limit for the account.
    #[must_use]
    pub const fn account(self, rate: &'static RateLimit) -> Self {
        Self { account_rate: Some(rate), ..self }
    }

    /// The same limit with another priority.
    #[must_use]
    pub const fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// The same limit with another timeout.
    #[must_use]
    pub const fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// Prints `general`, `sign_in`, `mailed_links, test_mails`, `general, searches 8`, `exempt`, and a priority that is not normal.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = match self.rate {
            Rate::General => "general",
            Rate::Of(rate) => rate.quota().name(),
            Rate::Exempt(_) => "exempt",
        };
        let mut words = vec![rate.to_owned()];
        words.extend(self.account_rate.map(|rate| rate.quota().name().to_owned()));
        words.extend(self.concurrency.map(|kind| format!("{} {}", kind.name, kind.places)));
        if self.priority != Priority::Normal {
            words.push(self.priority.name().to_owned());
        }
        f.pad(&words.join(", "))
    }
}

/// The limits of this node, shared by its threads: rate limits, requests under way, and the permits of
/// all kinds.
#[derive(Debug)]
pub struct Limits {
    rates: Arc<RateLimits>,
    under_way: RequestsUnderWay,
    permits: Mutex<BTreeMap<&'static str, Arc<FairSemaphore<Actor>>>>,
    metrics: Arc<RequestMetrics>,
}

impl Limits {
    pub(crate) fn new(
        rates: Arc<RateLimits>,
        requests: RequestBounds,
        metrics: Arc<RequestMetrics>,
    ) -> Self {
        let under_way = RequestsUnderWay::new(requests);
        Self { rates, under_way, permits: Mutex::default(), metrics }
    }

    /// The metrics of requests.
    pub const fn metrics(&self) -> &Arc<RequestMetrics> {
        &self.metrics
    }

    /// The number of requests under way.
    pub fn requests_under_way(&self) -> usize {
        self.under_way.count()
    }

    /// The requests refused so far because too many were under way, by priority.
    pub fn refused_requests(&self) -> impl Iterator<Item = (Priority, u64)> + '_ {
        self.under_way.refused()
    }

    /// The number of requests that wait for their bodies.
    pub fn awaited_bodies(&self) -> usize {
        self.under_way.awaited().count()
    }

    /// The requests that were refused so far because too many waited for their bodies.
    pub fn ended_bodies(&self) -> u64 {
        self.under_way.awaited().ended()
    }

    /// Counts a request that waits for its body until the permit is dropped.
    fn await_body(&self, context: &RequestContext) -> PendingPermit {
        self.under_way.await_body(context)
    }

    /// The rate limits.
    pub(crate) const fn rates(&self) -> &Arc<RateLimits> {
        &self.rates
    }

    /// Counts a request as under way until the permit is dropped, or refuses it after a short pause.
    pub(crate) async fn enter(
        &self,
        request: &HttpRequest,
        context: &RequestContext,
        priority: Priority,
    ) -> Result<FairPermit<AddressPrefix>, Problem> {
        match self.under_way.enter(context, priority) {
            Err(busy) => {
                let pause = overload_pause(concurrency::random(request)?);
                actix_web::rt::time::sleep(pause).await;
                Err(busy)
            }
            entered => entered,
        }
    }

    pub(crate) fn permits(&self, limit: Limit) -> Option<Arc<FairSemaphore<Actor>>> {
        let kind = limit.concurrency?;
        let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(permits.entry(kind.name).or_insert_with(FairSemaphore::new)))
    }
}
