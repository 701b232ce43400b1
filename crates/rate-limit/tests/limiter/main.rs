//! Black-box tests of the in-process limiter and of its fallback role.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod bound;
mod concurrency;
mod fallback;
mod reference;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use portcullis_rate_limit::{Quota, Subject};

const MINUTE: Duration = Duration::from_secs(60);

fn sign_in() -> Quota {
    Quota::sliding("signin", 5, MINUTE).unwrap()
}

fn general() -> Quota {
    Quota::gcra("general", 600, MINUTE).unwrap()
}

/// The n-th made-up address.
fn address(n: u32) -> Subject {
    Subject::from(IpAddr::from(Ipv4Addr::from(n)))
}
