//! The snapshot of revocations, with which a service begins to follow.

use portcullis_domain::Clock;
use portcullis_flows::node::revocation::Revocations;
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};
use portcullis_token::{KeyPairAlgorithm, KeySet, SnapshotClaims, Verifier};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::follower::ask;
use crate::member::Member;

#[test]
fn a_snapshot_has_every_revocation_and_is_signed_with_a_published_key() {
    TestDatabase::on_both(|database| {
        let algorithm = Some(KeyPairAlgorithm::EdDsa);
        let server =
            TestServer::with(database, TestSettings { algorithm, ..TestSettings::default() });
        assert_eq!(snapshot(&server).entries, Vec::<Value>::new());
        let mut ada = Member::new(&server, "ada", "msa");
        for _ in 0..12 {
            assert_eq!(ada.post("/api/auth/logout", &json!({})).status, 204);
            ada.sign_in_again("ada");
        }
        while server.of_node::<Revocations>().feed_state().cursor.position() < 12 {}
        let feed = ask(&server, "/api/revocations").json();

        // The server may not have read the entries that another node has numbered.
        let snapshot = std::iter::repeat_with(|| snapshot(&server))
            .find(|snapshot| snapshot.entries.len() == 12)
            .expect("it catches up");
        assert_eq!(Value::from(snapshot.entries), feed["items"]);
        assert_eq!(snapshot.claims.cursor, feed["next_cursor"].as_str().expect("there is one"));
        let rest = ask(&server, &format!("/api/revocations?after={}", snapshot.claims.cursor));
        assert_eq!(rest.json()["items"], json!([]));
    });
}

struct Snapshot {
    entries: Vec<Value>,
    claims: SnapshotClaims,
}

/// Fetches a snapshot and verifies it as a service does.
fn snapshot(server: &TestServer) -> Snapshot {
    let answer = ask(server, "/api/revocations/snapshot");
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/jsonl"));
    let body = answer.text.strip_suffix('\n').expect("lines end");
    let start = body.rfind('\n').map_or(0, |end| end + 1);
    let (entries, last) = body.split_at(start);
    let last: Value = serde_json::from_str(last).expect("JSON");

    let keys = Browser::of(server).get("/.well-known/jwks.json", &[]).text;
    let keys = KeySet::from_jwks(&keys).expect("a key set");
    let verifier = Verifier::<SnapshotClaims>::new(
        keys,
        "https://auth.example.test",
        "portcullis",
        SnapshotClaims::LIFETIME,
    );
    let signed = last["signed"].as_str().expect("the last line is signed");
    let claims = verifier.verify(signed, server.clock().now()).expect("the signature holds");
    assert_eq!(claims.digest, <[u8; 32]>::from(Sha256::digest(entries)));
    let entries: Vec<Value> =
        entries.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(claims.entries, u64::try_from(entries.len()).expect("a few"));
    Snapshot { entries, claims }
}
