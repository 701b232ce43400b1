//! Health checks for load balancers and supervisors.

use std::time::Duration;

use portcullis_testkit::{Browser, TestDatabase, TestServer, at_once};
use serde_json::json;

#[test]
fn a_healthy_server_is_live_and_ready_and_says_nothing_more() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut client = Browser::of(&server);
        for (path, body) in [
            ("/health/live", json!({ "status": "live" })),
            ("/health/ready", json!({ "status": "ready" })),
        ] {
            let answer = client.get(path, &[]);
            assert_eq!((answer.status, answer.json()), (200, body));
        }
    });
}

/// The health routes have no limit, so a flood of them must not reach the database.
#[test]
fn requests_within_100_ms_share_one_check_of_the_database() {
    let (database, switch) = TestDatabase::postgres_with_switch();
    let server = TestServer::start(database);
    let statuses = |path: &str| at_once(20, |_| Browser::at(server.operations()).get(path, &[]));
    assert!(statuses("/health/ready").iter().all(|answer| answer.status == 200));
    switch.off();
    for path in ["/health/ready", "/health"] {
        let is_ready = statuses(path).iter().all(|answer| answer.field("status") == "ready");
        assert!(is_ready, "{path} asks the database again");
    }
    server.clock().advance(Duration::from_millis(100));
    assert!(statuses("/health/ready").iter().all(|answer| answer.status == 503));
    switch.on();
    assert!(statuses("/health/ready").iter().all(|answer| answer.status == 503));
    assert_eq!(Browser::at(server.operations()).get("/health", &[]).field("status"), "not_ready");
}
