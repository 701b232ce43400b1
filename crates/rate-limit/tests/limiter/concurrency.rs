//! Many threads on one limiter.

use std::thread;
use std::time::Duration;

use portcullis_rate_limit::{Demand, LocalLimiter, Subject};

use crate::{address, general, sign_in};

const NOW: Duration = Duration::from_secs(100);

/// Counts the accepted calls of eight threads with many calls each.
fn accepted(limiter: &LocalLimiter, demands: &[Demand<'_>]) -> usize {
    let calls = || {
        let is_allowed = |_: &i32| limiter.acquire(NOW, demands).unwrap().is_allowed();
        (0..1_000).filter(is_allowed).count()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(calls)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn threads_on_one_subject_share_exactly_one_limit() {
    let limiter = LocalLimiter::new(1 << 20);
    let (general, sign_in) = (general(), sign_in());
    let subject = address(1);
    assert_eq!(accepted(&limiter, &[Demand { quota: &sign_in, subject }]), 5);
    assert_eq!(accepted(&limiter, &[Demand { quota: &general, subject }]), 600);
}

#[test]
fn calls_that_name_the_same_subjects_in_any_order_do_not_deadlock() {
    let limiter = LocalLimiter::new(64 << 20);
    let general = general();
    let demands: Vec<_> = (0..8).map(|n| Demand { quota: &general, subject: address(n) }).collect();
    let mut backward = demands.clone();
    backward.reverse();
    let total: usize = thread::scope(|scope| {
        let forward = scope.spawn(|| accepted(&limiter, &demands));
        let backward = scope.spawn(|| accepted(&limiter, &backward));
        forward.join().unwrap() + backward.join().unwrap()
    });
    assert_eq!(total, 600);
}

#[test]
fn a_refused_demand_leaves_the_others_unrecorded_under_concurrency() {
    let limiter = LocalLimiter::new(64 << 20);
    let (general, sign_in) = (general(), sign_in());
    let account = Subject::Digest([3; 32]);
    let demands = [
        Demand { quota: &general, subject: address(1) },
        Demand { quota: &sign_in, subject: account },
    ];
    assert_eq!(accepted(&limiter, &demands), 5);
    let states = limiter.acquire(NOW, &demands).unwrap();
    assert_eq!(states[0].remaining, 595);
    assert!(!states[1].is_allowed);
}
