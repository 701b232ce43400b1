//! Counters of a route: answers by status, and their latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::http::StatusCode;

/// The upper bounds of the buckets of a latency histogram: nanoseconds, and the same in seconds.
const BOUNDS: [(u64, f64); 15] = [
    (100_000, 0.0001),
    (500_000, 0.0005),
    (1_000_000, 0.001),
    (2_500_000, 0.0025),
    (5_000_000, 0.005),
    (10_000_000, 0.01),
    (25_000_000, 0.025),
    (50_000_000, 0.05),
    (100_000_000, 0.1),
    (250_000_000, 0.25),
    (500_000_000, 0.5),
    (1_000_000_000, 1.0),
    (2_500_000_000, 2.5),
    (5_000_000_000, 5.0),
    (10_000_000_000, 10.0),
];

/// The statuses that are counted by themselves. The others are counted together as status 0.
const STATUSES: [u16; 26] = [
    200, 201, 202, 204, 303, 304, 307, 400, 401, 403, 404, 405, 408, 409, 410, 411, 413, 414, 415,
    417, 422, 429, 431, 500, 503, 504,
];

/// The answers of one route on one thread. The alignment keeps it apart from those of other threads.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct RouteCounters {
    /// Method and pattern.
    pub(crate) route: (&'static str, &'static str),
    statuses: [AtomicU64; STATUSES.len()],
    other_statuses: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len()],
    /// Slower than every bound.
    slower: AtomicU64,
    nanoseconds: AtomicU64,
}

impl RouteCounters {
    pub(crate) fn new(method: &'static str, path: &'static str) -> Self {
        Self {
            route: (method, path),
            statuses: Default::default(),
            other_statuses: AtomicU64::default(),
            buckets: Default::default(),
            slower: AtomicU64::default(),
            nanoseconds: AtomicU64::default(),
        }
    }

    pub(crate) fn count(&self, status: StatusCode, latency: Duration) {
        let status = status.as_u16();
        let known = STATUSES.iter().zip(&self.statuses).find(|(known, _)| **known == status);
        let counter = known.map_or(&self.other_statuses, |(_, counter)| counter);
        counter.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let fit = BOUNDS.iter().zip(&self.buckets).find(|((bound, _), _)| nanoseconds <= *bound);
        let bucket = fit.map_or(&self.slower, |(_, bucket)| bucket);
        bucket.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

/// The answers of one route since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteMetrics {
    /// The method of the route; requests with HEAD count as GET.
    pub method: &'static str,
    /// The pattern of its path.
    pub path: &'static str,
    /// The number of answers by status, without the statuses that did not occur. 0 stands for statuses that
    /// are not counted by themselves.
    pub statuses: Vec<(u16, u64)>,
    /// The upper bounds of latency in seconds, each with the number of answers between it and the bound before.
    pub buckets: Vec<(f64, u64)>,
    /// The number of answers.
    pub count: u64,
    /// The sum of their latencies.
    pub total: Duration,
}

impl RouteMetrics {
    /// The sum of the counters of all threads.
    pub(crate) fn sum(
        method: &'static str,
        path: &'static str,
        threads: &[Arc<RouteCounters>],
    ) -> Self {
        let add = |of: &dyn Fn(&RouteCounters) -> &AtomicU64| -> u64 {
            threads.iter().map(|counters| of(counters).load(Ordering::Relaxed)).sum()
        };
        let at = |all: &dyn Fn(&RouteCounters) -> &[AtomicU64], index: usize| -> u64 {
            let counters = threads.iter().filter_map(|counters| all(counters).get(index));
            counters.map(|counter| counter.load(Ordering::Relaxed)).sum()
        };
        let statuses = STATUSES.iter().enumerate();
        let statuses = statuses.map(|(index, status)| (*status, at(&|it| &it.statuses, index)));
        let others = (0, add(&|it| &it.other_statuses));
        let buckets = BOUNDS.iter().enumerate();
        let buckets = buckets.map(|(index, (_, bound))| (*bound, at(&|it| &it.buckets, index)));
        let buckets: Vec<_> = buckets.collect();
        let within: u64 = buckets.iter().map(|(_, count)| count).sum();
        Self {
            method,
            path,
            statuses: statuses.chain([others]).filter(|(_, count)| *count > 0).collect(),
            count: within + add(&|it| &it.slower),
            buckets,
            total: Duration::from_nanos(add(&|it| &it.nanoseconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;

    #[test]
    fn the_counters_of_all_threads_are_added_up() {
        let threads = [(); 2].map(|()| Arc::new(RouteCounters::new("GET", "/accounts/{id}")));
        for (thread, status, latency) in [
            (0, 200, Duration::from_micros(100)),
            (1, 200, Duration::from_nanos(100_001)),
            (1, 418, Duration::from_secs(1)),
            (0, 503, Duration::from_secs(11)),
        ] {
            threads[thread].count(StatusCode::from_u16(status).unwrap(), latency);
        }
        let route = RouteMetrics::sum("GET", "/accounts/{id}", &threads);
        assert_eq!((route.method, route.path, route.count), ("GET", "/accounts/{id}", 4));
        assert_eq!(route.statuses, [(200, 2), (503, 1), (0, 1)]);
        let used: Vec<_> = route.buckets.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(used, [&(0.0001, 1), &(0.0005, 1), &(1.0, 1)], "the slowest is beyond all");
        assert_eq!(route.total, Duration::from_nanos(12_000_200_001));
    }

    #[test]
    fn every_status_of_the_catalogue_is_counted_by_itself() {
        for code in Code::ALL {
            assert!(STATUSES.contains(&code.status()), "{code:?}");
        }
        assert!(STATUSES.is_sorted() && BOUNDS.is_sorted());
    }

    #[test]
    fn both_units_of_a_bound_are_equal() {
        for (nanoseconds, seconds) in BOUNDS {
            let same = Duration::from_secs_f64(seconds);
            assert_eq!(Duration::from_nanos(nanoseconds), same);
        }
    }
}
