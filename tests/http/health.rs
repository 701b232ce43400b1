//! Health checks for load balancers and supervisors.

use portcullis_testkit::{Browser, TestDatabase, TestServer};
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
