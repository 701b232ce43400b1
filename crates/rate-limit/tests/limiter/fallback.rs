//! A limiter whose shared part answers, fails and returns.

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use portcullis_rate_limit::{
    BreakerSettings, BreakerState, Demand, Limiter, LocalLimiter, MAX_DEMANDS, SharedLimiter,
    States, TooManyDemands, Unavailable,
};

use crate::{address, sign_in};

type Answer<'a> = Pin<Box<dyn Future<Output = Result<States, Unavailable>> + Send + 'a>>;

/// A shared limiter that fails on request.
#[derive(Default)]
struct Scripted {
    windows: Option<LocalLimiter>,
    mode: AtomicUsize,
    calls: AtomicUsize,
}

const UP: usize = 0;
const DOWN: usize = 1;
const SENSELESS: usize = 2;
const SILENT: usize = 3;

impl SharedLimiter for Scripted {
    fn acquire<'a>(&'a self, demands: &'a [Demand<'a>]) -> Answer<'a> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = match self.mode.load(Ordering::Relaxed) {
            UP => self
                .windows
                .as_ref()
                .and_then(|windows| windows.acquire(Duration::ZERO, demands).ok())
                .ok_or(Unavailable),
            SENSELESS => States::new(&[]).map_err(|_| Unavailable),
            SILENT => return Box::pin(std::future::pending()),
            _ => Err(Unavailable),
        };
        Box::pin(ready(answer))
    }
}

fn limiter() -> (Limiter, Arc<Scripted>) {
    let windows = Some(LocalLimiter::new(0));
    let shared = Arc::new(Scripted { windows, ..Scripted::default() });
    let local = Arc::new(LocalLimiter::new(0));
    (Limiter::shared(shared.clone(), local, BreakerSettings::default()), shared)
}

fn acquire(limiter: &Limiter, now: u64) -> bool {
    poll_once(limiter, now).expect("nothing here waits")
}

/// Whether the request is accepted; `None` if the future waits, and is dropped.
fn poll_once(limiter: &Limiter, now: u64) -> Option<bool> {
    let quota = sign_in();
    let demands = [Demand { quota: &quota, subject: address(1) }];
    let future = pin!(limiter.acquire(|| Duration::from_millis(now), &demands));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(states) => Some(states.unwrap().is_allowed()),
        Poll::Pending => None,
    }
}

#[test]
fn the_fallback_knows_what_the_shared_limiter_accepted() {
    let (limiter, shared) = limiter();
    assert!((0..3).all(|_| acquire(&limiter, 0)));
    shared.mode.store(DOWN, Ordering::Relaxed);
    let accepted = (0..10).filter(|_| acquire(&limiter, 0)).count();
    assert_eq!(accepted, 2, "the rest of the limit, not another whole one");
}

#[test]
fn a_failed_shared_limiter_is_asked_once_and_used_again_after_its_return() {
    let (limiter, shared) = limiter();
    shared.mode.store(DOWN, Ordering::Relaxed);
    (0..4).for_each(|_| _ = acquire(&limiter, 0));
    assert_eq!(shared.calls.load(Ordering::Relaxed), 1);
    assert_eq!(limiter.breaker_state(Duration::ZERO), Some(BreakerState::Open));
    shared.mode.store(UP, Ordering::Relaxed);
    assert!(acquire(&limiter, 1_000), "the fifth");
    assert_eq!(limiter.breaker_state(Duration::from_secs(1)), Some(BreakerState::Closed));
}

#[test]
fn what_this_process_accepted_alone_counts_after_the_return_and_after_a_flush() {
    let (limiter, shared) = limiter();
    shared.mode.store(DOWN, Ordering::Relaxed);
    while acquire(&limiter, 0) {}
    shared.mode.store(UP, Ordering::Relaxed);
    assert!((0..10).all(|_| !acquire(&limiter, 1_000)), "one window, not two");
    let accepted = (0..10).filter(|_| acquire(&limiter, 60_001)).count();
    assert!(accepted > 0, "the next window");
}

#[test]
fn an_answer_without_sense_counts_as_none() {
    let (limiter, shared) = limiter();
    shared.mode.store(SENSELESS, Ordering::Relaxed);
    let accepted = (0..10).filter(|_| acquire(&limiter, 0)).count();
    assert_eq!(accepted, 5);
}

#[test]
fn a_cancelled_probe_stops_no_later_one() {
    let (limiter, shared) = limiter();
    shared.mode.store(DOWN, Ordering::Relaxed);
    acquire(&limiter, 0);
    shared.mode.store(SILENT, Ordering::Relaxed);
    assert_eq!(poll_once(&limiter, 1_000), None);
    shared.mode.store(UP, Ordering::Relaxed);
    assert!(acquire(&limiter, 2_000));
    assert_eq!(limiter.breaker_state(Duration::from_secs(2)), Some(BreakerState::Closed));
}

#[test]
fn a_request_counts_from_the_end_of_its_wait_for_the_shared_limiter() {
    let (limiter, shared) = limiter();
    // Each reading of the clock is 300 ms later: the wait for the shared limiter lies between them.
    let time = AtomicU64::new(0);
    let now = || Duration::from_millis(time.fetch_add(300, Ordering::Relaxed));
    for (mode, client) in [(UP, 1), (DOWN, 2)] {
        shared.mode.store(mode, Ordering::Relaxed);
        time.store(0, Ordering::Relaxed);
        let quota = sign_in();
        let demands = [Demand { quota: &quota, subject: address(client) }];
        let mut future = pin!(limiter.acquire(now, &demands));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        let last = Duration::from_millis(time.load(Ordering::Relaxed) - 300);
        let oldest = limiter.local().check(last, &demands).unwrap()[0].reset;
        assert_eq!(oldest, quota.window(), "recorded at the last reading");
    }
}

#[test]
fn without_a_shared_limiter_the_windows_of_this_process_decide() {
    let limiter = Limiter::local_only(Arc::new(LocalLimiter::new(0)));
    assert_eq!((0..10).filter(|_| acquire(&limiter, 0)).count(), 5);
    assert_eq!(limiter.breaker_state(Duration::ZERO), None);
}

#[test]
fn more_than_eight_demands_are_an_error() {
    let quota = sign_in();
    let demands = [Demand { quota: &quota, subject: address(1) }; MAX_DEMANDS + 1];
    let local = Arc::new(LocalLimiter::new(0));
    assert_eq!(local.acquire(Duration::ZERO, &demands), Err(TooManyDemands));
    let limiter = Limiter::local_only(local);
    let future = pin!(limiter.acquire(|| Duration::ZERO, &demands));
    let result = future.poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(result, Poll::Ready(Err(TooManyDemands)));
    assert!(limiter.local().is_empty());
}
