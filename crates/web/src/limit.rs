//! Limits of routes, declared in `Route::limit`: how often and how many at a time.

mod concurrency;
mod rate;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use self::concurrency::FairSemaphore;
pub use self::concurrency::{Concurrency, ConcurrencyPermit};
pub(crate) use self::rate::RouteRate;
pub use self::rate::{Rate, RateLimit, RateLimitSettings, RateLimits};

/// The limits of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The rate limit.
    pub rate: Rate,
    /// The limit of concurrent requests.
    pub concurrency: Option<&'static Concurrency>,
}

impl Limit {
    /// The general request limit.
    pub const GENERAL: Self = Self { rate: Rate::General, concurrency: None };

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
        Self { rate: Rate::Exempt(reason), concurrency: None }
    }
}

/// Prints `general`, `sign_in`, `general, searches 8`, or `exempt`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = match self.rate {
            Rate::General => "general",
            Rate::Of(rate) => rate.quota().name(),
            Rate::Exempt(_) => "exempt",
        };
        match self.concurrency {
            None => f.pad(rate),
            Some(kind) => f.pad(&format!("{rate}, {} {}", kind.name, kind.places)),
        }
    }
}

/// The limits of this node: rate limits, and the permits of all kinds.
#[derive(Debug)]
pub struct Limits {
    rates: Arc<RateLimits>,
    permits: Mutex<BTreeMap<&'static str, Arc<FairSemaphore>>>,
}

impl Limits {
    pub(crate) fn new(rates: Arc<RateLimits>) -> Self {
        Self { rates, permits: Mutex::default() }
    }

    /// The rate limits.
    pub fn rates(&self) -> Arc<RateLimits> {
        Arc::clone(&self.rates)
    }

    pub(crate) fn permits(&self, limit: Limit) -> Option<Arc<FairSemaphore>> {
        let kind = limit.concurrency?;
        let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(
            permits.entry(kind.name).or_insert_with(|| FairSemaphore::new(kind.places)),
        ))
    }
}
