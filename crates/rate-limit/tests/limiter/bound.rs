//! The bound on bytes, eviction and expiry.

use std::time::Duration;

use portcullis_rate_limit::{Demand, LocalLimiter, MAX_SLIDING_LIMIT, Quota, Subject};

use crate::{MINUTE, address, general, sign_in};

fn acquire(limiter: &LocalLimiter, now: Duration, quota: &Quota, subject: Subject) -> bool {
    limiter.acquire(now, &[Demand { quota, subject }]).unwrap().is_allowed()
}

#[test]
fn made_up_addresses_stay_within_the_bound() {
    for (max_bytes, addresses) in [(0, 10_000), (5_000_000, 100_000), (8 << 20, 150_000)] {
        let limiter = LocalLimiter::new(max_bytes);
        for n in 0..addresses {
            let now = Duration::from_micros(u64::from(n));
            let quota = if n % 3 == 0 { sign_in() } else { general() };
            assert!(acquire(&limiter, now, &quota, address(n)), "a new address is served");
        }
        let bytes = limiter.bytes();
        assert!(bytes <= max_bytes.max(128 * 1024 + 1024), "{bytes} of {max_bytes}");
        assert!(bytes > max_bytes / 10 * 9, "{bytes} of {max_bytes} are used");
        assert!(limiter.evicted() > 0);
    }
}

#[test]
fn no_entry_remains_after_a_sweep_one_window_later() {
    let limiter = LocalLimiter::new(64 << 20);
    let (empty, quotas) = (limiter.bytes(), [sign_in(), general()]);
    for n in 0..100_000 {
        for quota in &quotas {
            acquire(&limiter, Duration::from_micros(u64::from(n)), quota, address(n));
        }
    }
    let last = Duration::from_micros(99_999);
    assert!(limiter.len() > 100_000);
    limiter.sweep((last + MINUTE).saturating_sub(Duration::from_nanos(1)));
    assert!(!limiter.is_empty());
    limiter.sweep(last + MINUTE);
    assert_eq!(limiter.len(), 0);
    assert_eq!(limiter.bytes(), empty, "all memory of the entries is given back");
    assert_eq!(limiter.evicted(), 0);
}

#[test]
fn later_calls_remove_expired_entries_without_a_sweep() {
    let limiter = LocalLimiter::new(0);
    let quota = sign_in();
    for n in 0..1_000 {
        acquire(&limiter, Duration::ZERO, &quota, address(n));
    }
    for n in 0..200 {
        acquire(&limiter, MINUTE, &quota, address(5_000 + n));
    }
    assert_eq!(limiter.len(), 200);
}

#[test]
fn a_flood_under_one_quota_evicts_no_window_of_another() {
    let limiter = LocalLimiter::new(1 << 20);
    let (sign_in, general) = (sign_in(), general());
    let now = Duration::from_secs(1);
    let victim = Subject::Digest([9; 32]);
    while acquire(&limiter, now, &sign_in, victim) {}
    for n in 0..200_000 {
        assert!(acquire(&limiter, now, &general, address(n)));
    }
    assert!(limiter.evicted() > 100_000);
    assert!(!acquire(&limiter, now, &sign_in, victim));
}

#[test]
fn refused_requests_prolong_no_entry_and_keep_none_from_eviction() {
    let limiter = LocalLimiter::new(0);
    let quota = sign_in();
    let now = Duration::from_secs(1);
    while acquire(&limiter, now, &quota, address(0)) {}
    let full = limiter.bytes();
    for _ in 0..10_000 {
        assert!(!acquire(&limiter, now, &quota, address(0)));
    }
    assert_eq!((limiter.len(), limiter.bytes()), (1, full));
}

#[test]
fn the_largest_logs_of_one_call_evict_others_and_never_one_another() {
    let limiter = LocalLimiter::new(0);
    let quota = |limit, seconds| {
        Quota::sliding("many", limit, MINUTE + Duration::from_secs(seconds)).unwrap()
    };
    for small in (0..56).map(|n| quota(1, n)) {
        for n in 0..20 {
            assert!(acquire(&limiter, Duration::ZERO, &small, address(n)));
        }
    }
    let large: Vec<_> = (0..8).map(|n| quota(MAX_SLIDING_LIMIT, n)).collect();
    let demands: Vec<_> = large.iter().map(|quota| Demand { quota, subject: address(1) }).collect();
    for n in 0..2 * MAX_SLIDING_LIMIT {
        let now = Duration::from_micros(u64::from(n));
        let is_allowed = limiter.acquire(now, &demands).unwrap().is_allowed();
        assert_eq!(is_allowed, n < MAX_SLIDING_LIMIT);
    }
    assert!(limiter.evicted() > 0);
    assert!(limiter.bytes() <= 128 * 1024 + 1024);
}

#[test]
fn an_entry_expires_by_its_last_acceptance() {
    let limiter = LocalLimiter::new(0);
    let quota = sign_in();
    for (second, subject) in [(0, address(1)), (10, address(2)), (30, address(1))] {
        assert!(acquire(&limiter, Duration::from_secs(second), &quota, subject));
    }
    assert_eq!(limiter.sweep(Duration::from_secs(70)), 1);
    assert_eq!(limiter.sweep(Duration::from_secs(89)), 0);
    assert_eq!(limiter.sweep(Duration::from_secs(90)), 1);
}

#[test]
fn the_entry_with_the_oldest_acceptance_is_evicted_first() {
    let limiter = LocalLimiter::new(0);
    let quota = Quota::sliding("once", 2, MINUTE).unwrap();
    let now = Duration::from_secs(1);
    let (old, renewed) = (Subject::Id([1; 16]), Subject::Id([2; 16]));
    while acquire(&limiter, now, &quota, old) {}
    acquire(&limiter, now, &quota, renewed);
    let mut flood = 0..;
    while limiter.evicted() == 0 {
        assert!(acquire(&limiter, now, &quota, address(flood.next().unwrap())));
        if flood.start == 10 {
            while acquire(&limiter, now, &quota, renewed) {}
        }
    }
    assert!(!acquire(&limiter, now, &quota, renewed));
    assert!(acquire(&limiter, now, &quota, old), "it was evicted");
}

#[test]
fn a_time_before_the_last_acceptance_counts_as_that_time() {
    let limiter = LocalLimiter::new(0);
    let quota = Quota::sliding("once", 1, MINUTE).unwrap();
    let at = Duration::from_secs;
    assert!(acquire(&limiter, at(100), &quota, address(1)));
    assert!(acquire(&limiter, at(50), &quota, address(2)));
    assert!(!acquire(&limiter, at(159), &quota, address(2)));
    assert_eq!(limiter.sweep(at(160)), 2);
}

#[test]
fn a_sixty_fifth_quota_takes_the_place_of_the_smallest() {
    let limiter = LocalLimiter::new(0);
    let name = |n: u64| Quota::sliding("many", 1, MINUTE + Duration::from_secs(n)).unwrap();
    let quotas: Vec<_> = (0..100).map(name).collect();
    for quota in &quotas {
        assert!(acquire(&limiter, Duration::ZERO, quota, address(1)));
        assert!(!acquire(&limiter, Duration::ZERO, quota, address(1)));
    }
    assert_eq!(limiter.len(), 64);
    assert_eq!(limiter.evicted(), 36);
}

#[test]
fn a_forgotten_subject_has_its_whole_quota_again_and_nobody_else_has() {
    let limiter = LocalLimiter::new(8 << 20);
    for quota in [sign_in(), general()] {
        let limit = quota.limit().get();
        for n in (0..limit).flat_map(|_| [1, 2]) {
            assert!(acquire(&limiter, Duration::ZERO, &quota, address(n)));
        }
        let before = limiter.len();
        limiter.forget(&Demand { quota: &quota, subject: address(1) });
        limiter.forget(&Demand { quota: &quota, subject: address(3) });
        assert_eq!(limiter.len(), before - 1);
        assert!(acquire(&limiter, Duration::ZERO, &quota, address(1)));
        assert!(!acquire(&limiter, Duration::ZERO, &quota, address(2)));
    }
}
