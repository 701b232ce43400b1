//! Breach check: a new password that is in a list of breached ones is refused.
//!
//! A filter file on this machine decides first. If it cannot be read, no new password passes. A range
//! service may know more; it can fail, and then the password passes and the check is due again at the
//! next sign-in. After some failures the service is left alone for a while, and only a few requests wait
//! for it at once: a slow service must not keep the threads that hash.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_password::{BreachDigest, BreachFilter, BreachService};
use portcullis_rate_limit::{Breaker, BreakerSettings};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreachCheckResult {
    /// In a list.
    Listed,
    /// In no list that is configured.
    NotListed,
    /// The range service did not answer, and the filter file does not have the password.
    Unknown,
    /// The filter file cannot be read, and the range service does not have the password.
    Unreadable,
}

/// The number of requests that wait for the service at the same time.
const MAX_WAITING: usize = 8;

/// The lists of this server.
pub struct BreachChecks {
    filter: Option<BreachFilter>,
    service: Option<RemoteChecks>,
    listed: AtomicU64,
    unknown: AtomicU64,
}

struct RemoteChecks {
    service: Arc<dyn BreachService>,
    breaker: Mutex<Breaker>,
    waiting: AtomicUsize,
    clock: Arc<dyn Clock>,
}

impl BreachChecks {
    /// The checks with these lists, each of which may be missing.
    pub fn new(
        filter: Option<BreachFilter>,
        service: Option<Arc<dyn BreachService>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let service = service.map(|service| RemoteChecks {
            service,
            breaker: Mutex::new(Breaker::new(BREAKER)),
            waiting: AtomicUsize::new(0),
            clock,
        });
        Self { filter, service, listed: AtomicU64::new(0), unknown: AtomicU64::new(0) }
    }

    /// True if there is a list.
    pub fn is_configured(&self) -> bool {
        self.filter.is_some() || self.service.is_some()
    }

    /// Checks a password. It blocks for two seconds at most.
    pub fn check(&self, digest: &BreachDigest) -> BreachCheckResult {
        let result = match self.in_file(digest) {
            BreachCheckResult::Listed => BreachCheckResult::Listed,
            local => match self.service.as_ref().map(|service| service.check(digest)) {
                Some(BreachCheckResult::Listed) => BreachCheckResult::Listed,
                Some(BreachCheckResult::Unknown) if local == BreachCheckResult::NotListed => {
                    BreachCheckResult::Unknown
                }
                _ => local,
            },
        };
        match result {
            BreachCheckResult::Listed => self.listed.fetch_add(1, Ordering::Relaxed),
            BreachCheckResult::Unknown => self.unknown.fetch_add(1, Ordering::Relaxed),
            BreachCheckResult::NotListed | BreachCheckResult::Unreadable => 0,
        };
        result
    }

    /// The number of passwords that were refused.
    pub fn listed(&self) -> u64 {
        self.listed.load(Ordering::Relaxed)
    }

    /// The number of passwords that passed although the range service did not answer.
    pub fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed)
    }

    fn in_file(&self, digest: &BreachDigest) -> BreachCheckResult {
        match self.filter.as_ref().map(|filter| filter.contains(digest)) {
            None | Some(Ok(false)) => BreachCheckResult::NotListed,
            Some(Ok(true)) => BreachCheckResult::Listed,
            Some(Err(error)) => {
                tracing::error!(%error, "the filter of breached passwords cannot be read");
                BreachCheckResult::Unreadable
            }
        }
    }
}

/// Three failures; a pause of 5 s, then of one minute at most.
const BREAKER: BreakerSettings = BreakerSettings {
    failures: NonZeroU32::MIN.saturating_add(2),
    first_wait: Duration::from_secs(5),
    longest_wait: Duration::from_secs(60),
};

impl RemoteChecks {
    fn check(&self, digest: &BreachDigest) -> BreachCheckResult {
        let Some(_place) = Place::take(&self.waiting) else { return BreachCheckResult::Unknown };
        let Some(permit) = self.breaker().admit(self.clock.monotonic()) else {
            return BreachCheckResult::Unknown;
        };
        match self.service.lists(digest) {
            Ok(is_listed) => {
                self.breaker().succeeded(permit);
                if is_listed { BreachCheckResult::Listed } else { BreachCheckResult::NotListed }
            }
            Err(error) => {
                // The time after the wait: the pause begins now.
                self.breaker().failed(permit, self.clock.monotonic());
                tracing::warn!(%error, "the range service of breached passwords does not answer");
                BreachCheckResult::Unknown
            }
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those that wait, until it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let more = |now: usize| (now < MAX_WAITING).then_some(now + 1);
        let taken = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then_some(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Barrier;
    use std::thread;

    use portcullis_domain::{SystemClock, Timestamp};
    use portcullis_password::{BreachFilterBuilder, BreachServiceError, Password};

    use super::*;

    /// A service that gives the same answer every time, and counts its requests.
    struct Fixed(Option<bool>, AtomicUsize);

    impl BreachService for Fixed {
        fn lists(&self, _: &BreachDigest) -> Result<bool, BreachServiceError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.ok_or_else(|| "no answer".into())
        }
    }

    /// A clock that a test moves.
    #[derive(Default)]
    struct MovedClock(AtomicU64);

    impl Clock for MovedClock {
        fn now(&self) -> Timestamp {
            SystemClock::new().now()
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }
    }

    fn digest() -> BreachDigest {
        BreachDigest::of(&Password::parse("violet otter plays 7 cellos").unwrap())
    }

    fn remote(service: Arc<dyn BreachService>, clock: Arc<dyn Clock>) -> BreachChecks {
        BreachChecks::new(None, Some(service), clock)
    }

    #[test]
    fn the_answer_of_the_service_decides() {
        for (answer, expected) in [
            (Some(true), BreachCheckResult::Listed),
            (Some(false), BreachCheckResult::NotListed),
            (None, BreachCheckResult::Unknown),
        ] {
            let service = Arc::new(Fixed(answer, AtomicUsize::new(0)));
            let checks = remote(service, Arc::new(MovedClock::default()));
            assert_eq!(checks.check(&digest()), expected);
        }
        let none = BreachChecks::new(None, None, Arc::new(MovedClock::default()));
        assert_eq!(none.check(&digest()), BreachCheckResult::NotListed);
    }

    #[test]
    fn a_filter_file_that_cannot_be_read_lets_no_password_pass() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filter");
        let mut builder = BreachFilterBuilder::new(File::create(&path).unwrap()).unwrap();
        builder.read(&b"065F62D57B496CFC961280E115FC5B5A72EF786F:7\n"[..], 1).unwrap();
        builder.finish().unwrap();
        let check = |answer| {
            let service: Arc<dyn BreachService> = Arc::new(Fixed(answer, AtomicUsize::new(0)));
            let filter = BreachFilter::open(&path).unwrap();
            BreachChecks::new(Some(filter), Some(service), Arc::new(MovedClock::default()))
        };
        let whole = check(None);
        assert_eq!(whole.check(&digest()), BreachCheckResult::Listed);
        let damaged = [Some(true), Some(false), None].map(check);
        File::create(&path).unwrap();
        let results = damaged.map(|checks| checks.check(&digest()));
        let unreadable = BreachCheckResult::Unreadable;
        assert_eq!(results, [BreachCheckResult::Listed, unreadable, unreadable]);
    }

    #[test]
    fn a_service_that_fails_is_left_alone_for_a_while() {
        let service = Arc::new(Fixed(None, AtomicUsize::new(0)));
        let clock = Arc::new(MovedClock::default());
        let checks = remote(service.clone(), clock.clone());
        for _ in 0..100 {
            assert_eq!(checks.check(&digest()), BreachCheckResult::Unknown);
        }
        assert_eq!((service.1.load(Ordering::Relaxed), checks.unknown()), (3, 100));
        clock.0.store(6, Ordering::Relaxed);
        assert_eq!(checks.check(&digest()), BreachCheckResult::Unknown);
        assert_eq!(service.1.load(Ordering::Relaxed), 4);
    }

    /// A service that answers when as many requests wait as may wait.
    struct Slow(Barrier);

    impl BreachService for Slow {
        fn lists(&self, _: &BreachDigest) -> Result<bool, BreachServiceError> {
            self.0.wait();
            Ok(false)
        }
    }

    #[test]
    fn only_a_few_wait_at_once() {
        let slow = Arc::new(Slow(Barrier::new(MAX_WAITING + 1)));
        let checks = remote(slow.clone(), Arc::new(MovedClock::default()));
        thread::scope(|scope| {
            for _ in 0..MAX_WAITING {
                scope.spawn(|| assert_eq!(checks.check(&digest()), BreachCheckResult::NotListed));
            }
            let waiting = || {
                let remote = checks.service.as_ref().unwrap();
                remote.waiting.load(Ordering::Relaxed)
            };
            while waiting() < MAX_WAITING {
                thread::yield_now();
            }
            assert_eq!(checks.check(&digest()), BreachCheckResult::Unknown);
            slow.0.wait();
        });
    }
}
