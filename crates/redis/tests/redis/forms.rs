//! The forms of a URL: socket, TLS, Sentinel and Cluster.

use std::path::Path;
use std::process::Command;

use portcullis_redis::RedisLimiter;
use portcullis_testkit::{RedisServer, ServerProcess, free_port};
use tokio::time::{Instant, timeout};

use crate::{MINUTE, Operator, accepted, acquire, address, general, limiter, sign_in};

async fn limits(url: &str) {
    let [here, there] = [limiter(url), limiter(url)];
    let quota = sign_in();
    assert_eq!(accepted(&here, &quota, address(1), 3).await, 3);
    assert_eq!(accepted(&there, &quota, address(1), 5).await, 2);
    assert_eq!(accepted(&here, &general(), address(1), 5).await, 5);
    assert!(here.check().await.unwrap().version.contains('.'));
}

/// Requests until one is answered, for at most half a minute.
async fn wait_until_answered(limiter: &RedisLimiter) {
    let answered = async { while acquire(limiter, &sign_in(), address(9)).await.is_err() {} };
    timeout(MINUTE / 2, answered).await.unwrap();
}

#[tokio::test]
async fn a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let server = RedisServer::start_with(&format!("unixsocket {}", socket.display()));
    let password = server.password();
    limits(&format!("redis+unix://{}?pass={password}", socket.display())).await;
}

#[tokio::test]
async fn a_database_of_a_server() {
    let server = RedisServer::start();
    limits(&format!("{}/3", server.url())).await;
    let mut operator = Operator::of(&server);
    assert_eq!(operator.ask::<usize>("DBSIZE"), 0);
    operator.tell("SELECT 3");
    assert!(operator.ask::<usize>("DBSIZE") > 0);
}

/// By the program, whose environment names the trusted certificates.
#[test]
fn tls_needs_a_trusted_certificate() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [folder, other] = &folders;
    certificate(folder.path());
    certificate(other.path());
    let server = tls_server(folder.path());
    let url = format!("rediss://:{}@localhost:{}", server.password(), port(&server));
    let doctor = |trusted: &Path| {
        let trusted = trusted.join("certificate.pem");
        let environment = [("REDIS_URL", &*url), ("SSL_CERT_FILE", trusted.to_str().unwrap())];
        let output = ServerProcess::prepare(other.path(), &environment).run(&["doctor"]);
        let report = String::from_utf8(output.stdout).unwrap();
        report.lines().find(|line| line.contains(" redis ")).unwrap().to_owned()
    };
    let line = doctor(folder.path());
    assert!(line.starts_with("ok ") && line.contains("over TLS answers"), "{line}");
    let line = doctor(other.path());
    assert!(line.starts_with("FAILED ") && line.contains("certificate"), "{line}");
}

fn port(server: &RedisServer) -> u16 {
    server.address().port()
}

fn tls_server(folder: &Path) -> RedisServer {
    let folder = folder.display();
    RedisServer::start_with(&format!(
        "port 0\ntls-port {{port}}\ntls-auth-clients no\n\
         tls-cert-file {folder}/certificate.pem\ntls-key-file {folder}/key.pem"
    ))
}

fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[tokio::test]
async fn sentinels_name_the_primary_and_the_one_after_it() {
    let mut first = RedisServer::start();
    let second = RedisServer::start_with(&format!(
        "replicaof 127.0.0.1 {}\nmasterauth {}",
        port(&first),
        first.password()
    ));
    let sentinels = [(); 2].map(|()| sentinel(&first));
    // The first address is a Sentinel that is gone.
    let url = format!(
        "redis+sentinel://:{}@127.0.0.1:1,127.0.0.1:{},127.0.0.1:{}/main?sentinel_password={}",
        first.password(),
        port(&sentinels[0]),
        port(&sentinels[1]),
        first.password(),
    );
    let node = limiter(&url);
    wait_until_answered(&node).await;
    limits_after_gone_sentinel(&url).await;
    let replication = || Operator::of(&second).ask::<String>("INFO replication");
    while !replication().contains("master_link_status:up") {}
    let is_known = |sentinel: &RedisServer| {
        Operator::of(sentinel).ask::<String>("INFO sentinel").contains("slaves=1,sentinels=2")
    };
    while !sentinels.iter().all(is_known) {}

    first.kill();
    let began = Instant::now();
    assert!(acquire(&node, &sign_in(), address(9)).await.is_err());
    wait_until_answered(&node).await;
    println!("answered {:?} after the death of the primary", began.elapsed());
    assert!(replication().contains("role:master"));
}

async fn limits_after_gone_sentinel(url: &str) {
    let node = limiter(url);
    wait_until_answered(&node).await;
    assert_eq!(accepted(&node, &sign_in(), address(1), 10).await, 5);
}

/// A Sentinel whose quorum is one.
fn sentinel(primary: &RedisServer) -> RedisServer {
    let (port, password) = (port(primary), primary.password());
    RedisServer::start_sentinel(&format!(
        "sentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main {password}\n\
         sentinel sentinel-pass {password}\n\
         sentinel down-after-milliseconds main 300\nsentinel failover-timeout main 2000"
    ))
}

#[tokio::test]
async fn a_cluster_is_found_by_any_of_its_nodes() {
    let bus_ports = [(); 3].map(|()| free_port());
    let node = |bus| RedisServer::start_with(&format!("cluster-enabled yes\ncluster-port {bus}"));
    let nodes = bus_ports.map(node);
    let slots = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
    for (node, (first, last)) in nodes.iter().zip(slots) {
        let mut operator = Operator::of(node);
        operator.tell(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        for (other, bus) in nodes.iter().zip(bus_ports) {
            operator.tell(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", port(other)));
        }
    }
    for node in &nodes {
        let mut operator = Operator::of(node);
        while !operator.ask::<String>("CLUSTER INFO").contains("cluster_state:ok") {}
    }
    let password = nodes[0].password();
    let url = format!(
        "redis+cluster://:{password}@127.0.0.1:1,127.0.0.1:{},127.0.0.1:{}",
        port(&nodes[1]),
        port(&nodes[2])
    );
    limits(&url).await;
    let sizes: Vec<usize> = nodes.iter().map(|node| Operator::of(node).ask("DBSIZE")).collect();
    assert_eq!(sizes.iter().filter(|size| **size > 0).count(), 1, "one slot: {sizes:?}");
}
