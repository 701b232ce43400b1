//! Checkpoints of the audit log over HTTP.

use std::iter;
use std::time::Duration;

use portcullis_audit::Checkpoint;
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_testkit::{TestDatabase, TestServer};

use crate::member::Member;

#[test]
fn the_latest_checkpoint_and_each_before_it_can_be_fetched() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let checkpoints = server.of_node::<Checkpoints>();
        // The server makes a checkpoint at its start, sooner or later; the clock must advance for the next one.
        let made = iter::repeat_with(|| {
            server.clock().advance(Duration::from_secs(1));
            admin.check("schedule", "read");
            checkpoints.make(Duration::ZERO).expect("the database answers")
        });
        let made = made.take(100).flatten().next().expect("something has happened");
        let answer = admin.get("/api/admin/audit/checkpoints/latest");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let name = format!("attachment; filename=\"checkpoint-{}.json\"", made.number());
        assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
        let checkpoint = Checkpoint::from_file(&answer.text).expect("it is a checkpoint");
        assert_eq!(checkpoint, made);
        let key = TestDatabase::audit_keys().checkpoint_key();
        checkpoint.verify(&key).expect("it is signed by the server");

        let first = admin.get("/api/admin/audit/checkpoints/1");
        assert_eq!(Checkpoint::from_file(&first.text).expect("it is one").number(), 1);
        for number in ["0", "99", "-1", "x", "newest", "99999999999999999999999"] {
            let answer = admin.get(&format!("/api/admin/audit/checkpoints/{number}"));
            assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{number}");
        }
    });
}
