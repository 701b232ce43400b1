//! Windows that several nodes share.

use std::sync::Arc;

use portcullis_rate_limit::{Demand, SharedLimiter, Subject};
use portcullis_redis::{RedisLimiter, RedisUrl};
use portcullis_testkit::RedisServer;
use tokio::task::JoinSet;

use crate::{ISSUER, Operator, accepted, acquire, address, general, limiter, sign_in};

#[tokio::test]
async fn two_nodes_share_one_window() {
    let server = RedisServer::start();
    let [here, there] = [limiter(&server.url()), limiter(&server.url())];
    for (quota, limit) in [(sign_in(), 5), (general(), 600)] {
        assert_eq!(accepted(&here, &quota, address(1), 3).await, 3);
        assert_eq!(accepted(&there, &quota, address(1), limit).await, limit - 3);
        for node in [&here, &there] {
            let refused = acquire(node, &quota, address(1)).await.unwrap();
            assert!(!refused.is_allowed());
            assert!(refused.retry_after().unwrap() <= quota.window());
            assert_eq!(refused[0].remaining, 0);
        }
        assert_eq!(accepted(&there, &quota, address(2), 3).await, 3, "another subject");
    }
}

#[tokio::test]
async fn deployments_with_different_issuers_share_nothing() {
    let server = RedisServer::start();
    let here = limiter(&server.url());
    let url = RedisUrl::parse(&server.url().into()).unwrap();
    let other = RedisLimiter::new(&url, &format!("{ISSUER}/other")).unwrap();
    let quota = sign_in();
    assert_eq!(accepted(&here, &quota, address(1), 10).await, 5);
    assert_eq!(accepted(&other, &quota, address(1), 10).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_of_two_nodes_get_exactly_one_limit() {
    let server = RedisServer::start();
    let nodes = [limiter(&server.url()), limiter(&server.url())].map(Arc::new);
    for (quota, limit) in [(sign_in(), 5), (general(), 600)] {
        let mut requests = JoinSet::new();
        // More tasks than connections.
        for node in nodes.iter().cycle().take(32) {
            let node = node.clone();
            requests.spawn(async move { accepted(&node, &quota, address(1), 40).await });
        }
        let total: u32 = requests.join_all().await.into_iter().sum();
        assert_eq!(total, limit);
    }
    for node in nodes {
        assert!(node.failures().all(|(_, count)| count == 0), "{:?}", failures(&node));
    }
}

fn failures(limiter: &RedisLimiter) -> Vec<(&'static str, u64)> {
    limiter.failures().map(|(reason, count)| (reason.name(), count)).collect()
}

#[tokio::test]
async fn a_request_with_several_demands_is_recorded_under_all_or_none_by_one_call() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let (sign_in, general) = (sign_in(), general());
    let demands = [
        Demand { quota: &general, subject: address(1) },
        Demand { quota: &sign_in, subject: Subject::Digest([3; 32]) },
        Demand { quota: &general, subject: address(1) },
    ];
    let mut operator = Operator::of(&server);
    limiter.acquire(&demands).await.unwrap();
    operator.tell("CONFIG RESETSTAT");
    for remaining in (0..4).rev() {
        let states = limiter.acquire(&demands).await.unwrap();
        assert!(states.is_allowed());
        assert_eq!(states[1].remaining, remaining);
        assert_eq!(states[0], states[2]);
    }
    for _ in 0..3 {
        let states = limiter.acquire(&demands).await.unwrap();
        assert!(states[0].is_allowed && !states[1].is_allowed);
        assert_eq!(states[0].remaining, 595);
    }
    let statistics: String = operator.ask("INFO commandstats");
    assert!(statistics.contains("cmdstat_evalsha:calls=7,"), "{statistics}");
    for other in ["cmdstat_eval:", "cmdstat_ping:", "cmdstat_script"] {
        assert!(!statistics.contains(other), "{statistics}");
    }
    assert!(limiter.acquire(&[]).await.unwrap().is_empty());
}
