//! The real heap memory of the limiter, measured by the allocator of this process.
//!
//! A single test, because the allocator counts all threads.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use peak_alloc::PeakAlloc;
use portcullis_rate_limit::{Demand, LocalLimiter, Quota, Subject};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[test]
fn a_million_made_up_addresses_take_no_byte_beyond_the_bound() {
    const MAX_BYTES: usize = 32 << 20;
    const MINUTE: Duration = Duration::from_secs(60);

    let quotas = [
        Quota::sliding("signin", 5, MINUTE).unwrap(),
        Quota::gcra("general", 600, MINUTE).unwrap(),
    ];
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let limiter = LocalLimiter::new(MAX_BYTES);
    let mut last = Duration::ZERO;
    for n in 0..1_000_000 {
        last = Duration::from_micros(u64::from(n));
        let address = |n: u32| Subject::from(IpAddr::from(Ipv4Addr::from(n)));
        let demands = quotas.each_ref().map(|quota| Demand { quota, subject: address(n) });
        assert!(limiter.acquire(last, &demands).unwrap().is_allowed());
        // Some of the recent addresses come back, so that logs grow too.
        if n % 4 == 0 {
            let again = [Demand { quota: &quotas[0], subject: address(n - n % 1_000) }];
            limiter.acquire(last, &again).unwrap();
        }
    }
    let stated = limiter.bytes();
    let peak = ALLOCATOR.peak_usage() - before;
    let full = ALLOCATOR.current_usage() - before;
    println!(
        "bound {MAX_BYTES}, stated {stated}, measured {full}, peak {peak}; {} entries, {} evicted",
        limiter.len(),
        limiter.evicted()
    );
    assert!(peak <= MAX_BYTES, "the peak of {peak} bytes is above the bound of {MAX_BYTES}");
    assert!(stated <= MAX_BYTES);
    assert!(full <= stated, "{full} bytes are measured, {stated} stated");
    assert!(full > stated / 4 * 3, "the stated bytes are not invented");

    limiter.sweep(last + MINUTE);
    let empty = ALLOCATOR.current_usage() - before;
    assert!(limiter.is_empty());
    assert!(empty < MAX_BYTES / 10, "{empty} bytes remain with an empty limiter");
}
