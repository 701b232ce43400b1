//! The cost of one call of the in-process limiter, beside a counter in a locked map.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin should stop at once")]

use std::collections::HashMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_domain::{Clock, SystemClock};
use portcullis_rate_limit::{Demand, LocalLimiter, Quota, Subject};

criterion_group!(benches, existing, new, threads);
criterion_main!(benches);

const MINUTE: Duration = Duration::from_secs(60);
const THREADS: u32 = 8;

/// The counter that a service would write first: no window, no bound, one lock.
type Baseline = Mutex<HashMap<Subject, u64>>;

fn count(baseline: &Baseline, subject: Subject) -> bool {
    let mut counts = baseline.lock().unwrap();
    let count = counts.entry(subject).or_default();
    *count += 1;
    *count < u64::MAX
}

fn address(n: u32) -> Subject {
    Subject::from(IpAddr::from(Ipv4Addr::from(n)))
}

/// So many requests that none is refused, at a rate at which no entry expires between two calls.
fn general() -> Quota {
    Quota::gcra("general", 10_000_000, 600 * MINUTE).unwrap()
}

fn acquire(limiter: &LocalLimiter, now: Duration, quota: &Quota, subject: Subject) -> bool {
    limiter.acquire(now, &[Demand { quota, subject }]).unwrap().is_allowed()
}

fn existing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("existing entry");
    let baseline = Baseline::default();
    group.bench_function("baseline: locked map", |bencher| {
        bencher.iter(|| count(&baseline, black_box(address(1))));
    });
    let limiter = LocalLimiter::new(64 << 20);
    let clock = SystemClock::new();
    let general = general();
    let mut now = Duration::ZERO;
    group.bench_function("GCRA", |bencher| {
        bencher.iter(|| {
            now += Duration::from_micros(1);
            acquire(&limiter, now, &general, black_box(address(1)))
        });
    });
    group.bench_function("GCRA, and the clock", |bencher| {
        bencher.iter(|| acquire(&limiter, clock.monotonic(), &general, black_box(address(2))));
    });
    let sign_in = Quota::sliding("signin", 5, MINUTE).unwrap();
    while acquire(&limiter, Duration::ZERO, &sign_in, address(1)) {}
    group.bench_function("exact, refused", |bencher| {
        bencher.iter(|| acquire(&limiter, Duration::ZERO, &sign_in, black_box(address(1))));
    });
    let fast = Quota::sliding("fast", 5, Duration::from_millis(1)).unwrap();
    let mut now = Duration::ZERO;
    group.bench_function("exact, accepted", |bencher| {
        bencher.iter(|| {
            now += Duration::from_micros(200);
            acquire(&limiter, now, &fast, black_box(address(1)))
        });
    });
    group.bench_function("exact, refused, and GCRA", |bencher| {
        bencher.iter(|| {
            let subject = black_box(address(1));
            let demands =
                [Demand { quota: &sign_in, subject }, Demand { quota: &general, subject }];
            limiter.acquire(Duration::ZERO, &demands).unwrap().is_allowed()
        });
    });
    group.finish();
}

fn new(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("new entry");
    let next = AtomicU32::new(0);
    let fresh = || black_box(address(next.fetch_add(1, Ordering::Relaxed)));
    let baseline = Baseline::default();
    group.bench_function("baseline: locked map, without a bound", |bencher| {
        bencher.iter(|| count(&baseline, fresh()));
    });
    drop(baseline);
    let clock = SystemClock::new();
    for (name, quota) in [
        ("GCRA, full, each evicts another", Quota::gcra("general", 600, 60 * MINUTE).unwrap()),
        ("exact, full, each evicts another", Quota::sliding("signin", 5, 60 * MINUTE).unwrap()),
    ] {
        let limiter = LocalLimiter::new(16 << 20);
        for _ in 0..1_000_000 {
            acquire(&limiter, clock.monotonic(), &quota, fresh());
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| acquire(&limiter, clock.monotonic(), &quota, fresh()));
        });
    }
    group.finish();
}

/// The time of one call while eight threads make calls for addresses of their own.
fn threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("8 threads");
    group.sample_size(10);
    let baseline = Baseline::default();
    group.bench_function("baseline: locked map", |bencher| {
        bencher.iter_custom(|calls| together(calls, |n| count(&baseline, address(n))));
    });
    let limiter = LocalLimiter::new(64 << 20);
    let clock = SystemClock::new();
    let general = general();
    group.bench_function("GCRA", |bencher| {
        bencher.iter_custom(|calls| {
            together(calls, |n| acquire(&limiter, clock.monotonic(), &general, address(n)))
        });
    });
    group.finish();
}

/// The mean time of a call, while each thread makes many times `calls` of them, so that the start of
/// the threads does not count.
fn together(calls: u64, call: impl Fn(u32) -> bool + Sync) -> Duration {
    const REPETITIONS: u32 = 100;
    let clock = SystemClock::new();
    let allowed = AtomicU64::new(0);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (call, allowed) = (&call, &allowed);
            scope.spawn(move || {
                let addresses = (0..1_000).map(|n| number * 1_000 + n).cycle();
                let calls = usize::try_from(calls * u64::from(REPETITIONS)).unwrap_or(usize::MAX);
                let count = addresses.take(calls).filter(|address| call(*address)).count();
                allowed.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            });
        }
    });
    black_box(allowed.load(Ordering::Relaxed));
    clock.monotonic() / (REPETITIONS * THREADS)
}
