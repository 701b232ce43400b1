//! Keys: their names, number, size and expiry.

use std::time::Duration;

use portcullis_rate_limit::{Demand, Quota, SharedLimiter, Subject};
use portcullis_testkit::RedisServer;

use crate::{MINUTE, Operator, accepted, acquire, address, general, limiter, sign_in};

#[tokio::test]
async fn a_flushed_server_fails_no_request_and_begins_the_windows_again() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let mut operator = Operator::of(&server);
    let quota = sign_in();
    assert_eq!(accepted(&limiter, &quota, address(1), 10).await, 5);
    operator.tell("SCRIPT FLUSH");
    assert_eq!(accepted(&limiter, &quota, address(1), 10).await, 0, "the windows are there");
    operator.tell("FLUSHALL");
    assert_eq!(accepted(&limiter, &quota, address(1), 10).await, 5);
    assert!(limiter.is_up());
    assert!(limiter.failures().all(|(_, count)| count == 0));
}

#[tokio::test]
async fn every_key_expires_with_its_window() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let quotas = [
        sign_in(),
        general(),
        Quota::sliding("hourly", 3, 60 * MINUTE).unwrap(),
        Quota::gcra("daily", 200, 24 * 60 * MINUTE).unwrap(),
        Quota::gcra("one", 1, MINUTE).unwrap(),
    ];
    let mut operator = Operator::of(&server);
    for round in 0..10 {
        for quota in &quotas {
            acquire(&limiter, quota, address(round % 3)).await.unwrap();
        }
        let keys: Vec<String> = operator.ask("KEYS *");
        for key in &keys {
            let quota = quotas.iter().find(|quota| key.contains(quota.name())).unwrap();
            let left: i64 = operator.ask(&format!("PTTL {key}"));
            let most = i64::try_from(quota.window().as_millis()).unwrap();
            assert!((1..=most + 1).contains(&left), "{key} {left}");
        }
    }
    assert_eq!(operator.ask::<usize>("DBSIZE"), 15);
}

#[tokio::test]
async fn an_expired_window_leaves_no_key() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let window = Duration::from_millis(1);
    let quotas = [Quota::sliding("short", 2, window), Quota::gcra("short", 2, window)];
    for quota in quotas {
        acquire(&limiter, &quota.unwrap(), address(1)).await.unwrap();
    }
    let mut operator = Operator::of(&server);
    while operator.ask::<usize>("DBSIZE") > 0 {}
}

#[tokio::test]
async fn refused_requests_take_no_memory_and_prolong_nothing() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let mut operator = Operator::of(&server);
    for quota in [sign_in(), Quota::gcra("daily", 5, 24 * 60 * MINUTE).unwrap()] {
        operator.tell("FLUSHALL");
        assert_eq!(accepted(&limiter, &quota, address(1), 5).await, 5);
        let keys: Vec<String> = operator.ask("KEYS *");
        let [key] = &keys[..] else { panic!("{keys:?}") };
        let expiry = format!("PEXPIRETIME {key}");
        let size = format!("MEMORY USAGE {key} SAMPLES 0");
        let before: (u64, u64) = (operator.ask(&expiry), operator.ask(&size));
        assert_eq!(accepted(&limiter, &quota, address(1), 10_000).await, 0);
        assert_eq!((operator.ask(&expiry), operator.ask(&size)), before);
        assert!(before.1 < 320, "{before:?}");
        assert_eq!(operator.ask::<usize>("DBSIZE"), 1);
    }
}

#[tokio::test]
async fn the_largest_log_has_at_most_twelve_bytes_for_each_request() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let mut operator = Operator::of(&server);
    let quota = Quota::sliding("large", 1_000, MINUTE).unwrap();
    assert_eq!(accepted(&limiter, &quota, address(1), 1_100).await, 1_000);
    let keys: Vec<String> = operator.ask("KEYS *");
    assert_eq!(operator.ask::<usize>(&format!("LLEN {}", keys[0])), 1_000);
    let bytes: usize = operator.ask(&format!("MEMORY USAGE {} SAMPLES 0", keys[0]));
    assert!(bytes < 12_500, "{bytes}");
}

#[tokio::test]
async fn keys_of_one_deployment_have_one_hash_tag_and_no_confidential_text() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let (sign_in, general) = (sign_in(), general());
    let demands = [
        Demand { quota: &sign_in, subject: address(1) },
        Demand { quota: &general, subject: Subject::Id([0xab; 16]) },
        Demand { quota: &general, subject: Subject::Digest([7; 32]) },
    ];
    limiter.acquire(&demands).await.unwrap();
    let mut operator = Operator::of(&server);
    let mut keys: Vec<String> = operator.ask("KEYS *");
    keys.sort_unstable();
    let (tag, _) = keys[0].split_once('}').unwrap();
    assert!(tag.starts_with("{portcullis:"));
    let names: Vec<_> = keys.iter().map(|key| &key[tag.len()..]).collect();
    assert_eq!(
        names,
        [
            format!("}}:limit:gcra:general:600:86400000:d:{}", "07".repeat(32)),
            format!("}}:limit:gcra:general:600:86400000:i:{}", "ab".repeat(16)),
            "}:limit:log:signin:5:60000:a:0.0.0.1".to_owned(),
        ]
    );
}

/// The rules of a user in the README.
#[tokio::test]
async fn the_documented_permissions_are_enough() {
    let readme = include_str!("../../README.md");
    let rules = readme.split("```text").nth(1).unwrap().split("```").next().unwrap();
    let rules = rules.split_whitespace().collect::<Vec<_>>().join(" ");
    let server = RedisServer::start();
    Operator::of(&server).tell(&format!("ACL SETUSER node on >secret {rules}"));
    let limiter = limiter(&format!("redis://node:secret@{}", server.address()));
    for quota in [sign_in(), general()] {
        assert_eq!(accepted(&limiter, &quota, address(1), 6).await, quota.limit().get().min(6));
    }
    assert!(limiter.check().await.unwrap().version.contains('.'));
}
