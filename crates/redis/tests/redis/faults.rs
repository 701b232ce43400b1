//! A limiter whose Redis is lost, slow, silent, full, read-only or something else, and returns.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::redis::Client;
use portcullis_rate_limit::{
    BreakerSettings, BreakerState, Demand, Limiter, LocalLimiter, Quota, SharedLimiter,
};
use portcullis_redis::{FailureReason, RedisLimiter};
use portcullis_testkit::RedisServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::{Operator, acquire, address, limiter, sign_in};

/// The limiter of a node: shared, with windows of its own. Its clock is the one of the test.
struct Node {
    shared: Arc<RedisLimiter>,
    limiter: Limiter,
    now: Duration,
}

const MAX_DELAY: Duration = Duration::from_millis(500);
const RETURN_TIME: Duration = Duration::from_secs(5);

impl Node {
    fn of(url: &str) -> Self {
        let shared = Arc::new(limiter(url));
        let local = Arc::new(LocalLimiter::new(0));
        let limiter = Limiter::shared(shared.clone(), local, BreakerSettings::default());
        Self { shared, limiter, now: Duration::from_secs(1) }
    }

    /// Requests of one subject until the first refusal, each within the maximum delay.
    async fn accepted(&self, subject: u32) -> u32 {
        let quota = sign_in();
        let demands = [Demand { quota: &quota, subject: address(subject) }];
        let mut accepted = 0;
        loop {
            let states = timeout(MAX_DELAY, self.limiter.acquire(|| self.now, &demands));
            let states = states.await.unwrap().unwrap();
            if !states.is_allowed() {
                assert!(states.retry_after().unwrap() <= quota.window());
                return accepted;
            }
            accepted += 1;
        }
    }

    /// One request of a subject whose window is empty.
    async fn knock(&self) {
        let quota = sign_in();
        let subject = u32::try_from(self.now.as_millis()).unwrap();
        let demands = [Demand { quota: &quota, subject: address(subject) }];
        timeout(MAX_DELAY, self.limiter.acquire(|| self.now, &demands)).await.unwrap().unwrap();
    }

    /// Uses the limiter until it is shared again. Its waits are those of its own clock.
    async fn recover(&mut self) {
        let latest = self.now + RETURN_TIME;
        while self.limiter.breaker_state(self.now) != Some(BreakerState::Closed) {
            assert!(self.now <= latest, "it is not used again");
            self.now += Duration::from_millis(100);
            self.knock().await;
        }
        assert!(self.shared.is_up());
    }

    fn failures(&self, reason: FailureReason) -> u64 {
        self.shared.failures().find(|(counted, _)| *counted == reason).unwrap().1
    }

    /// Two requests while shared, then the fault: the rest of the limit by the windows of this node,
    /// and again for a long outage with probes in between; then the return.
    async fn survive(&mut self, reason: FailureReason, fail: impl FnOnce(), end: impl FnOnce()) {
        let quota = sign_in();
        for _ in 0..2 {
            assert!(acquire_by(self, &quota, 1).await);
        }
        fail();
        assert_eq!(self.accepted(1).await, 3, "the rest of the limit, with {reason:?}");
        assert_eq!(self.accepted(2).await, 5, "the same limit, with {reason:?}");
        assert_eq!(self.limiter.breaker_state(self.now), Some(BreakerState::Open));
        assert_eq!(self.failures(reason), 1, "one call meets the fault, {:?}", self.counts());
        for subject in 3..6 {
            self.now += Duration::from_secs(8);
            assert_eq!(self.accepted(subject).await, 5, "the same limit, with {reason:?}");
        }
        assert_eq!(self.failures(reason), 4, "one call for each probe, {:?}", self.counts());
        assert!(!self.shared.is_up());
        end();
        self.recover().await;
        assert_eq!(self.accepted(1_000).await, 5);
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.shared.failures().map(|(reason, count)| (reason.name(), count)).collect()
    }
}

async fn acquire_by(node: &Node, quota: &Quota, subject: u32) -> bool {
    let demands = [Demand { quota, subject: address(subject) }];
    node.limiter.acquire(|| node.now, &demands).await.unwrap().is_allowed()
}

#[tokio::test]
async fn killed_and_started_again() {
    let server = std::cell::RefCell::new(RedisServer::start());
    let mut node = Node::of(&server.borrow().url());
    let (kill, restart) = (|| server.borrow_mut().kill(), || server.borrow_mut().restart());
    node.survive(FailureReason::Lost, kill, restart).await;
}

#[tokio::test]
async fn frozen_and_thawed() {
    let server = RedisServer::start();
    let mut node = Node::of(&server.url());
    node.survive(FailureReason::Timeout, || server.freeze(), || server.thaw()).await;
}

#[tokio::test]
async fn full_of_memory() {
    let server = RedisServer::start();
    let mut node = Node::of(&server.url());
    let set = |memory: &str| Operator::of(&server).tell(&format!("CONFIG SET maxmemory {memory}"));
    Operator::of(&server).tell("CONFIG SET maxmemory-policy noeviction");
    // Refused requests are answered by the shared windows even now, as they write nothing.
    node.survive(FailureReason::OutOfMemory, || set("1mb"), || set("0")).await;
}

#[tokio::test]
async fn a_replica_of_a_lost_primary() {
    let server = RedisServer::start();
    let mut node = Node::of(&server.url());
    let tell = |command: &str| Operator::of(&server).tell(command);
    let fail = || tell("REPLICAOF 127.0.0.1 1");
    node.survive(FailureReason::ReadOnly, fail, || tell("REPLICAOF NO ONE")).await;
}

#[tokio::test]
async fn a_user_without_permission() {
    let server = RedisServer::start();
    Operator::of(&server).tell("ACL SETUSER node on >secret ~* &* +@all");
    let url = format!("redis://node:secret@{}", server.address());
    let mut node = Node::of(&url);
    let tell = |command: &str| Operator::of(&server).tell(command);
    let fail = || tell("ACL SETUSER node -evalsha -eval");
    node.survive(FailureReason::Denied, fail, || tell("ACL SETUSER node +@all")).await;
}

#[tokio::test]
async fn paused_clients() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let quota = sign_in();
    acquire(&limiter, &quota, address(1)).await.unwrap();
    Operator::of(&server).tell("CLIENT PAUSE 1000");
    let began = Instant::now();
    assert!(acquire(&limiter, &quota, address(1)).await.is_err());
    assert!(began.elapsed() < MAX_DELAY);
    // Without a breaker each of these waits for its timeout, so the loop does not spin.
    while acquire(&limiter, &quota, address(1)).await.is_err() {}
    assert!(began.elapsed() < RETURN_TIME);
    let timeouts = limiter.failures().find(|(reason, _)| *reason == FailureReason::Timeout);
    assert!(timeouts.unwrap().1 >= 1);
}

#[tokio::test]
async fn a_server_that_only_accepts_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let node = Node::of(&format!("redis://{}", listener.local_addr().unwrap()));
    assert_eq!(node.accepted(1).await, 5);
    assert_eq!(node.failures(FailureReason::Timeout), 1);
}

#[tokio::test]
async fn another_protocol_and_another_answer() {
    for (answer, reason) in [
        ("+OK\r\n", FailureReason::Unexpected),
        ("*1\r\n:7\r\n", FailureReason::Unexpected),
        ("-ERR unknown command\r\n", FailureReason::Unexpected),
        ("-NOAUTH Authentication required.\r\n", FailureReason::Denied),
        ("-LOADING Redis is loading the dataset in memory\r\n", FailureReason::Lost),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", FailureReason::Unexpected),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Node::of(&format!("redis://{}", listener.local_addr().unwrap()));
        let serve = async {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut command = [0; 4_096];
                    // The two commands that name the library, and then the script.
                    while let Ok(length @ 1..) = client.read(&mut command).await {
                        let is_setup =
                            String::from_utf8_lossy(&command[..length]).contains("SETINFO");
                        let answer = if is_setup { "+OK\r\n+OK\r\n" } else { answer };
                        if client.write_all(answer.as_bytes()).await.is_err() {
                            break;
                        }
                    }
                });
            }
        };
        tokio::select! {
            () = serve => {}
            accepted = node.accepted(1) => assert_eq!(accepted, 5, "{answer:?}"),
        }
        assert_eq!(node.failures(reason), 1, "{answer:?} {:?}", node.counts());
    }
}

#[tokio::test]
async fn a_key_of_another_type_makes_one_subject_local() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let quota = sign_in();
    acquire(&limiter, &quota, address(1)).await.unwrap();
    let mut operator = Operator::of(&server);
    let keys: Vec<String> = operator.ask("KEYS *");
    operator.tell(&format!("SET {} x", keys[0]));
    assert!(acquire(&limiter, &quota, address(1)).await.is_err());
    assert!(acquire(&limiter, &quota, address(2)).await.unwrap().is_allowed());
}

#[tokio::test]
async fn closed_idle_connections_and_a_quick_restart_fail_no_request() {
    let mut server = RedisServer::start();
    let limiter = limiter(&server.url());
    let quota = sign_in();
    for _ in 0..3 {
        assert!(acquire(&limiter, &quota, address(1)).await.unwrap().is_allowed());
        Operator::of(&server).ask::<usize>("CLIENT KILL TYPE normal SKIPME yes");
    }
    server.kill();
    server.restart();
    assert!(acquire(&limiter, &quota, address(1)).await.is_ok());
    assert!(limiter.failures().all(|(_, count)| count == 0));
}

#[tokio::test]
async fn many_requests_on_a_frozen_server_end_together() {
    let server = RedisServer::start();
    let limiter = Arc::new(limiter(&server.url()));
    acquire(&limiter, &sign_in(), address(1)).await.unwrap();
    server.freeze();
    let began = Instant::now();
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..200 {
        let limiter = limiter.clone();
        requests.spawn(async move { acquire(&limiter, &sign_in(), address(n)).await.is_err() });
    }
    assert!(requests.join_all().await.into_iter().all(|is_lost| is_lost));
    assert!(began.elapsed() < MAX_DELAY, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_abandoned_request_leaves_its_connection_in_order() {
    let server = RedisServer::start();
    let limiter = limiter(&server.url());
    let quota = sign_in();
    for n in 0..50 {
        let demands = [Demand { quota: &quota, subject: address(n) }];
        let request = limiter.acquire(&demands);
        // Dropped before its answer, or rarely after it.
        drop(timeout(Duration::from_micros(50), request).await);
    }
    for n in 100..110 {
        let states = acquire(&limiter, &quota, address(n)).await.unwrap();
        assert_eq!(states[0].remaining, 4, "the answer to this request and no other");
    }
}

#[tokio::test]
async fn the_check_names_version_and_memory_policy_or_the_reason() {
    let mut server = RedisServer::start();
    let limiter = limiter(&server.url());
    let mut operator = Operator::of(&server);
    operator.tell("CONFIG SET maxmemory 64mb");
    operator.tell("CONFIG SET maxmemory-policy allkeys-lru");
    let report = limiter.check().await.unwrap();
    assert!(report.version.split('.').count() >= 2, "{report:?}");
    assert_eq!((report.max_memory, report.eviction_policy.as_str()), (64 << 20, "allkeys-lru"));
    operator.tell("REPLICAOF 127.0.0.1 1");
    let reason = |error: portcullis_redis::CheckError| error.reason().unwrap();
    assert_eq!(limiter.check().await.map_err(reason), Err(FailureReason::ReadOnly));
    operator.tell("REPLICAOF NO ONE");
    let wrong = format!("redis://:wrong@{}", server.address());
    let denied = crate::limiter(&wrong).check().await;
    assert_eq!(denied.map_err(reason), Err(FailureReason::Denied));
    assert!(Client::open(server.url()).is_ok());
    server.kill();
    assert_eq!(limiter.check().await.map_err(reason), Err(FailureReason::Lost));
    assert!(limiter.is_up(), "the check counts as no call");
}
