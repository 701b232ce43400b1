//! Quotas: a number of requests per window, and the algorithm that counts them.

use std::num::NonZeroU32;
use std::time::Duration;

/// The largest limit of an exact quota: its log holds one time for each accepted request.
pub const MAX_SLIDING_LIMIT: u32 = 1_000;

const MAX_NAME: usize = 64;
const NANOS_PER_MILLI: u128 = 1_000_000;
const NANOS_PER_MICRO: u64 = 1_000;
const MAX_WINDOW: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A quota: at most `limit` requests of one subject in `window`.
///
/// A quota is a constant of a few words, made by one of two constructors:
///
/// ```
/// # use std::time::Duration;
/// # use portcullis_rate_limit::Quota;
/// let sign_in = Quota::sliding("signin", 5, Duration::from_secs(60))?;
/// let general = Quota::gcra("general", 600, Duration::from_secs(60))?;
/// # Ok::<(), portcullis_rate_limit::QuotaError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    limit: NonZeroU32,
    algorithm: Algorithm,
    /// Nanoseconds.
    window: u64,
    /// Nanoseconds between two requests at the steady rate, rounded up.
    interval: u64,
    name: &'static str,
}

/// The algorithm that counts the requests of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// The time of every accepted request is kept. Exact: no interval of one window contains more
    /// than `limit` accepted requests. It takes 8 bytes for each of them.
    SlidingLog,
    /// The generic cell rate algorithm keeps one time, whatever the limit. A burst has at most
    /// `limit` requests, and they return one by one at the rate of `limit` per window. The worst
    /// window, a burst and all requests that return during it, contains `2 * limit - 1`.
    Gcra,
}

impl Quota {
    /// A value for places that hold no quota.
    pub(crate) const PLACEHOLDER: Self = Self {
        limit: NonZeroU32::MIN,
        algorithm: Algorithm::SlidingLog,
        window: 0,
        interval: 0,
        name: "",
    };

    /// An exact quota, for few and sensitive requests: sign-in, password reset, codes.
    pub const fn sliding(
        name: &'static str,
        limit: u32,
        window: Duration,
    ) -> Result<Self, QuotaError> {
        if limit > MAX_SLIDING_LIMIT {
            return Err(QuotaError::SlidingLimit);
        }
        Self::new(name, limit, window, Algorithm::SlidingLog)
    }

    /// A quota for many requests, such as a general limit.
    pub const fn gcra(
        name: &'static str,
        limit: u32,
        window: Duration,
    ) -> Result<Self, QuotaError> {
        match Self::new(name, limit, window, Algorithm::Gcra) {
            Ok(quota) if quota.interval < NANOS_PER_MICRO => Err(QuotaError::Rate),
            result => result,
        }
    }

    const fn new(
        name: &'static str,
        limit: u32,
        window: Duration,
        algorithm: Algorithm,
    ) -> Result<Self, QuotaError> {
        if !is_name(name.as_bytes()) {
            return Err(QuotaError::Name);
        }
        let Some(limit) = NonZeroU32::new(limit) else {
            return Err(QuotaError::Limit);
        };
        if window.as_nanos() < NANOS_PER_MILLI || window.as_nanos() > MAX_WINDOW.as_nanos() {
            return Err(QuotaError::Window);
        }
        let window = nanos(window);
        let interval = window.div_ceil(widen(limit.get()));
        Ok(Self { limit, algorithm, window, interval, name })
    }

    /// The name, as clients see it in `RateLimit-Policy`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The number of requests.
    pub const fn limit(&self) -> NonZeroU32 {
        self.limit
    }

    /// The window.
    pub const fn window(&self) -> Duration {
        Duration::from_nanos(self.window)
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The time between two requests at the steady rate: window / limit, rounded up to nanoseconds.
    pub const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    pub(crate) const fn window_nanos(&self) -> u64 {
        self.window
    }

    pub(crate) const fn interval_nanos(&self) -> u64 {
        self.interval
    }

    /// The intervals of a whole burst: the window, and less than a thousandth more by rounding.
    pub(crate) const fn burst_nanos(&self) -> u64 {
        self.interval.saturating_mul(widen(self.limit.get()))
    }
}

impl PartialEq for Quota {
    /// The limiter compares quotas in each call, and most equal names are at the same address.
    fn eq(&self, other: &Self) -> bool {
        self.limit == other.limit
            && self.window == other.window
            && self.algorithm == other.algorithm
            && (std::ptr::eq(self.name, other.name) || self.name == other.name)
    }
}

impl Eq for Quota {}

/// Nanoseconds of a time since the start of the clock. 292 years are the maximum: later times count
/// as that, and a window after it still fits, so no sum overflows into a time without a limit.
#[expect(clippy::as_conversions, reason = "`From` is not const")]
#[expect(clippy::cast_possible_truncation, reason = "the value is below the maximum")]
pub(crate) const fn nanos(time: Duration) -> u64 {
    const MAX: u64 = u64::MAX / 2;
    let nanos = time.as_nanos();
    if nanos > MAX as u128 { MAX } else { nanos as u64 }
}

#[expect(clippy::as_conversions, reason = "`From` is not const")]
const fn widen(number: u32) -> u64 {
    number as u64
}

/// Names need no escaping in a header field, a metric or a key.
const fn is_name(mut bytes: &[u8]) -> bool {
    if bytes.is_empty() || bytes.len() > MAX_NAME {
        return false;
    }
    while let [first, rest @ ..] = bytes {
        if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        bytes = rest;
    }
    true
}

/// The error for numbers that make no quota.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// Another name.
    #[error("the name of a quota has 1 to 64 characters: a to z, 0 to 9, hyphen, underscore")]
    Name,
    /// Zero.
    #[error("the limit of a quota is at least 1")]
    Limit,
    /// Too large for an exact log.
    #[error("the limit of an exact quota is at most {MAX_SLIDING_LIMIT}: use GCRA above it")]
    SlidingLimit,
    /// Too short or too long.
    #[error("the window of a quota has 1 millisecond to 366 days")]
    Window,
    /// A rate beyond the precision of the arithmetic.
    #[error("the limit of a quota is at most one request per microsecond of its window")]
    Rate,
}

portcullis_domain::debug_as_display!(QuotaError);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_quota_can_be_a_constant() {
        const QUOTA: Result<Quota, QuotaError> = Quota::gcra("general", 600, MINUTE);
        let quota = QUOTA.unwrap();
        assert_eq!((quota.name(), quota.limit().get()), ("general", 600));
        assert_eq!(quota.window(), MINUTE);
        assert_eq!(quota.interval(), Duration::from_millis(100));
    }

    #[test]
    fn each_wrong_number_has_its_sentence() {
        let long: &'static str =
            "abcdefghijklmnopqrstuvwxyz-0123456789_abcdefghijklmnopqrstuvwxyz0";
        for name in ["", "Sign-in", "a b", "a\"b", long] {
            assert_eq!(Quota::sliding(name, 5, MINUTE), Err(QuotaError::Name), "{name:?}");
        }
        assert_eq!(Quota::sliding("a", 0, MINUTE), Err(QuotaError::Limit));
        assert_eq!(Quota::gcra("a", 0, MINUTE), Err(QuotaError::Limit));
        assert_eq!(Quota::sliding("a", 1_001, MINUTE), Err(QuotaError::SlidingLimit));
        for window in [Duration::ZERO, Duration::from_micros(999), MAX_WINDOW + MINUTE] {
            assert_eq!(Quota::sliding("a", 5, window), Err(QuotaError::Window), "{window:?}");
        }
        assert_eq!(Quota::gcra("a", 1_002, Duration::from_millis(1)), Err(QuotaError::Rate));
        assert_eq!(
            format!("{:?}", QuotaError::SlidingLimit),
            "the limit of an exact quota is at most 1000: use GCRA above it"
        );
    }

    #[test]
    fn the_extremes_are_quotas() {
        assert!(Quota::sliding(&"abcdefgh"[..1], MAX_SLIDING_LIMIT, MAX_WINDOW).is_ok());
        assert!(Quota::gcra("a", 1_000, Duration::from_millis(1)).is_ok());
        assert!(Quota::gcra("a", u32::MAX, MAX_WINDOW).is_ok());
    }
}
