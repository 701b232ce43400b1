//! Client addresses: behind a trusted proxy audit log and fair shares use the client, else the peer.

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use portcullis_web::ForwardingHeader;
use serde_json::json;

#[test]
fn only_a_trusted_proxy_is_believed() {
    let proxies = || vec!["127.0.0.1/32".to_owned()];
    for (trusted_proxies, forwarding_header, recorded) in [
        (proxies(), ForwardingHeader::XForwardedFor, "198.51.100.1"),
        (proxies(), ForwardingHeader::Forwarded, "198.51.100.2"),
        (vec![], ForwardingHeader::XForwardedFor, "127.0.0.1"),
        (vec![], ForwardingHeader::Forwarded, "127.0.0.1"),
    ] {
        let settings =
            TestSettings { trusted_proxies, forwarding_header, ..TestSettings::default() };
        let server = TestServer::with(TestDatabase::sqlite(), settings);
        let body = json!({ "username": "nobody", "password": PASSWORD }).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("x-forwarded-for", "203.0.113.9, 198.51.100.1"),
            ("x-real-ip", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9, for=198.51.100.2"),
        ];
        let answer = Browser::of(&server).send("POST", "/api/auth/login/json", &headers, &body);
        assert_eq!(answer.status, 401);
        let addresses = "SELECT address FROM security_events WHERE kind = 'sign_in'";
        let addresses = server.database().store().texts(addresses);
        assert_eq!(addresses.unwrap(), [recorded]);
    }
}
