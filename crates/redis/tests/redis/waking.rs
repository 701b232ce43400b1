//! Wake signals of two nodes over one Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_redis::{RedisUrl, WakeSignal};
use portcullis_testkit::{RedisServer, redis_url};
use tokio::runtime::Builder;
use tokio::time::timeout;

const ISSUER: &str = "https://auth.example.org/waking";
const TIMEOUT: Duration = Duration::from_secs(20);

fn signal(issuer: &str, topic: &'static str) -> Arc<WakeSignal> {
    signal_over(&redis_url(), issuer, topic)
}

fn signal_over(url: &str, issuer: &str, topic: &'static str) -> Arc<WakeSignal> {
    let url = RedisUrl::parse(&url.into()).unwrap();
    Arc::new(WakeSignal::new(&url, issuer, topic).unwrap())
}

/// Runs a signal, and counts how often it wakes its node.
fn run(signal: &Arc<WakeSignal>) -> Arc<AtomicUsize> {
    let (signal, woken) = (Arc::clone(signal), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&woken);
    tokio::spawn(async move { signal.run(|| _ = count.fetch_add(1, Ordering::Relaxed)).await });
    woken
}

async fn reaches(count: &AtomicUsize, least: usize) {
    let grown = async {
        while count.load(Ordering::Relaxed) < least {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, grown).await.unwrap();
}

#[test]
fn a_signal_wakes_the_other_nodes_of_its_deployment_and_topic_only() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (here, there) = (signal(ISSUER, "revocations"), signal(ISSUER, "revocations"));
        let others = [signal(ISSUER, "bans"), signal("https://other.example.org", "revocations")];
        assert!(!here.is_up());
        let woken = [&here, &there].map(run);
        let others = others.each_ref().map(run);
        // Each is woken at its beginning, because it may have missed signals.
        for count in woken.iter().chain(&others) {
            reaches(count, 1).await;
        }
        assert!(here.is_up() && there.is_up());
        for round in 2..5 {
            here.send();
            reaches(&woken[1], round).await;
        }
        assert!(others.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    });
}

#[test]
fn a_signal_that_lost_its_redis_says_so_and_wakes_its_node_when_it_is_back() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut server = RedisServer::start();
        let signal = signal_over(&server.url(), ISSUER, "revocations");
        let woken = run(&signal);
        reaches(&woken, 1).await;
        assert!(signal.is_up());
        server.kill();
        let lost = async {
            while signal.is_up() {
                tokio::task::yield_now().await;
            }
        };
        timeout(TIMEOUT, lost).await.unwrap();
        server.restart();
        reaches(&woken, 2).await;
    });
}
