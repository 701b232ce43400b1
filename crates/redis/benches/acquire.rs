//! The cost of one call of the shared limiter, on one connection to a Redis on this machine.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin should stop at once")]

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_domain::SecretString;
use portcullis_rate_limit::{Demand, Quota, SharedLimiter, Subject};
use portcullis_redis::{RedisLimiter, RedisUrl};
use portcullis_testkit::RedisServer;
use tokio::runtime::Builder;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn acquire(criterion: &mut Criterion) {
    let server = RedisServer::start();
    let url = RedisUrl::parse(&SecretString::from(server.url())).unwrap();
    let limiter = RedisLimiter::new(&url, "https://bench").unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let quota = |result: Result<Quota, _>| result.unwrap();
    let accepted = quota(Quota::gcra("accepted", u32::MAX, DAY));
    let refused = quota(Quota::gcra("refused", 1, DAY));
    let full = quota(Quota::sliding("full", 100, DAY));
    let subject = Subject::from(IpAddr::from([192, 0, 2, 1]));
    let demand = |quota| Demand { quota, subject };
    let calls: [(&str, &[Demand<'_>]); 4] = [
        ("gcra, accepted", &[demand(&accepted)]),
        ("gcra, refused", &[demand(&refused)]),
        ("log of 100, refused", &[demand(&full)]),
        ("three demands", &[demand(&accepted), demand(&refused), demand(&full)]),
    ];
    for (name, demands) in calls {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(limiter.acquire(black_box(demands))));
        });
    }
    // Every first request of a subject writes a key.
    let mut number = 0_u128;
    let log = quota(Quota::sliding("log", 5, Duration::from_secs(1)));
    criterion.bench_function("log, first request", |bencher| {
        bencher.iter(|| {
            number += 1;
            let subject = Subject::Id(number.to_be_bytes());
            let demands = [Demand { quota: &log, subject }];
            runtime.block_on(limiter.acquire(black_box(&demands)))
        });
    });
    assert!(limiter.failures().all(|(_, count)| count == 0), "every call was answered");
}

criterion_group!(benches, acquire);
criterion_main!(benches);
