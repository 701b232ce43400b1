//! Races for passkeys, on both databases: each challenge is used once.

use portcullis_testkit::{SoftAuthenticator, TestDatabase, at_once};

use crate::deployment::{Deployment, by_name};
use crate::passkey::{assertion, created, registered, started};

#[test]
fn one_of_fifty_simultaneous_uses_of_an_assertion_on_two_nodes_opens_a_session() {
    TestDatabase::on_both_crowded(|database| {
        let mut deployment = Deployment::on(database);
        deployment.sessions.most_sessions = 1_000;
        deployment.enrol("ada");
        let nodes = [deployment.node(), deployment.node()];
        let mut phone = SoftAuthenticator::default();
        registered(&nodes[0], "ada", &mut phone);
        let request = assertion(&started(&nodes[0]), &mut phone);
        let opened = at_once(50, |number| {
            nodes[number % 2].factors.passkey_sign_in.sign_in(&request).is_ok()
        });
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
        assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 2, "with that of before");
    });
}

#[test]
fn one_of_thirty_simultaneous_registrations_of_a_credential_is_a_passkey() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let nodes = [deployment.node(), deployment.node()];
        let signed_in = nodes[0].sign_in.sign_in(&by_name("ada")).unwrap();
        let request = created(&nodes[0], &signed_in, &mut SoftAuthenticator::default());
        let registered =
            at_once(30, |number| nodes[number % 2].factors.passkeys.register(&request).is_ok());
        assert_eq!(registered.iter().filter(|registered| **registered).count(), 1);
        assert_eq!(deployment.count("passkeys"), 1);
        assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 1);
    });
}
