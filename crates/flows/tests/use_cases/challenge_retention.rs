//! Retention of challenges and enrolments: they go a day after their end, and live ones stay.

use std::time::Duration;

use portcullis_flows::node::retention::RetentionStore;
use portcullis_testkit::{PASSWORD, TestDatabase};

use crate::deployment::{Deployment, MINUTE, Node, SECOND, by_name};
use crate::factors::{change, enrolled};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TABLES: [&str; 3] = ["sign_in_challenges", "passkey_challenges", "totp_enrolments"];

/// Leaves a second step, a registration of a passkey and an enrolment of an app unfinished.
fn start_all(node: &Node, owner: &str) {
    node.sign_in.challenge(&by_name("ada")).unwrap();
    let signed_in = node.sign_in.sign_in(&by_name(owner)).unwrap();
    node.factors.passkeys.start(&change(&signed_in, PASSWORD)).unwrap();
    node.factors.totp.start(&change(&signed_in, PASSWORD)).unwrap();
}

#[test]
fn unfinished_challenges_and_enrolments_go_after_a_day_and_live_ones_stay() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        for name in ["ada", "grace", "linus"] {
            deployment.enrol(name);
        }
        let node = deployment.node();
        enrolled(&deployment, &node, "ada");
        start_all(&node, "grace");
        let rows = || TABLES.map(|table| deployment.count(table));
        assert_eq!(rows(), [1; 3]);
        let remove = || deployment.database.store().remove_challenges(DAY, 1_000).unwrap();
        deployment.pass(DAY + 5 * MINUTE);
        assert_eq!(remove(), 0, "the shortest of them ended a day ago");
        deployment.pass(5 * MINUTE + SECOND);
        start_all(&node, "linus");
        assert_eq!(rows(), [2; 3]);
        assert_eq!([remove(), remove(), remove(), remove()], [1, 1, 1, 0]);
        assert_eq!(rows(), [1; 3], "the live ones");
    });
}
