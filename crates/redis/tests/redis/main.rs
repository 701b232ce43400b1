//! Black-box tests of the shared limiter with servers of its own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod faults;
mod forms;
mod sharing;
mod storage;
mod waking;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use deadpool_redis::redis::{Client, Cmd, Connection, FromRedisValue};
use portcullis_domain::SecretString;
use portcullis_rate_limit::{Demand, Quota, SharedLimiter, States, Subject, Unavailable};
use portcullis_redis::{RedisLimiter, RedisUrl};
use portcullis_testkit::RedisServer;

const MINUTE: Duration = Duration::from_secs(60);
const ISSUER: &str = "https://auth.example.test";

fn sign_in() -> Quota {
    Quota::sliding("signin", 5, MINUTE).unwrap()
}

/// So slow that no request returns during a test.
fn general() -> Quota {
    Quota::gcra("general", 600, 24 * 60 * MINUTE).unwrap()
}

/// The n-th made-up address.
fn address(n: u32) -> Subject {
    Subject::from(IpAddr::from(Ipv4Addr::from(n)))
}

fn limiter(url: &str) -> RedisLimiter {
    RedisLimiter::new(&RedisUrl::parse(&SecretString::from(url)).unwrap(), ISSUER).unwrap()
}

async fn acquire(
    limiter: &RedisLimiter,
    quota: &Quota,
    subject: Subject,
) -> Result<States, Unavailable> {
    limiter.acquire(&[Demand { quota, subject }]).await
}

/// The number of accepted requests of so many.
async fn accepted(limiter: &RedisLimiter, quota: &Quota, subject: Subject, of: u32) -> u32 {
    let mut accepted = 0;
    for _ in 0..of {
        accepted += u32::from(acquire(limiter, quota, subject).await.unwrap().is_allowed());
    }
    accepted
}

/// The connection of an operator, who sends commands such as `CONFIG SET`.
struct Operator(Connection);

impl Operator {
    fn of(server: &RedisServer) -> Self {
        Self(Client::open(server.url()).unwrap().get_connection().unwrap())
    }

    fn ask<T: FromRedisValue>(&mut self, command: &str) -> T {
        let mut words = Cmd::new();
        command.split(' ').for_each(|word| _ = words.arg(word));
        words.query(&mut self.0).unwrap()
    }

    fn tell(&mut self, command: &str) {
        self.ask::<()>(command);
    }
}
