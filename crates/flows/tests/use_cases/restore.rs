//! Restore: what an older state of the database would bring back is void, and the restore is recorded.

use std::sync::Arc;

use portcullis_audit::EventKind;
use portcullis_domain::{Clock, SystemRandom};
use portcullis_flows::node::backup::{DatabaseKind, Header, Manifest};
use portcullis_flows::node::restore::{Restoration, Voided, Voiding};
use portcullis_testkit::{TestDatabase, samples};

use crate::administration::{only_recorded, session_of, sign_in};
use crate::api_keys;
use crate::deployment::{DAY, Deployment, refreshing};

fn restoration(deployment: &Deployment, keeps_credentials: bool) -> Restoration {
    let header = Header::new(deployment.clock.now() - DAY, None, &SystemRandom);
    let manifest = Manifest {
        database: DatabaseKind::Sqlite,
        migrations: Vec::new(),
        secret: None,
        checkpoint: Some(7),
    };
    let voiding = Voiding { keeps_credentials };
    Restoration::new(&header, &manifest, voiding, samples::origin(), deployment.ambient())
}

#[test]
fn what_was_valid_at_the_backup_is_void_and_the_event_says_from_when_the_backup_is() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let owner = api_keys::enrol(&deployment, "ada", "developer");
        let node = deployment.node();
        let keys = api_keys::Node::of(&deployment);
        keys.create(owner);
        let signed_in = sign_in(&node, "ada");
        node.reset_requests.request("ada@example.org", &samples::origin()).unwrap();
        let restoration = restoration(&deployment, false);
        let voided = restoration.void(&Arc::new(deployment.database.store().clone())).unwrap();
        let expected = Voided { sessions: 1, api_keys: 1, mails: 1, ..Voided::default() };
        assert_eq!(voided, expected);

        node.refresh.refresh(&refreshing(&signed_in)).unwrap_err();
        assert!(deployment.node().refuses(session_of(&signed_in)));
        assert!(deployment.deliver().is_empty(), "no former link is sent");
        sign_in(&deployment.node(), "ada");
        let event = only_recorded(&deployment, EventKind::DatabaseRestored);
        assert_eq!((event.actor.as_ref(), event.outcome.as_ref()), ("operator", "success"));
        let details = event.details.unwrap();
        let made_at = format!(r#""backup_made_at":"{}""#, deployment.now() - DAY);
        for part in
            [&*made_at, r#""checkpoint":7"#, r#""sessions_ended":1"#, r#""api_keys_revoked":1"#]
        {
            assert!(details.contains(part), "{part}: {details}");
        }
    });
}

#[test]
fn api_keys_stay_where_the_operator_says_that_none_was_revoked_since() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let owner = api_keys::enrol(&deployment, "ada", "developer");
        let keys = api_keys::Node::of(&deployment);
        let key = keys.create(owner).key;
        let restoration = restoration(&deployment, true);
        assert!(restoration.voiding().keeps_credentials);
        let store = Arc::new(deployment.database.store().clone());
        let voided = restoration.void(&store).unwrap();
        assert_eq!((voided.api_keys, voided.backup_codes), (0, 0));
        assert_eq!(api_keys::Node::of(&deployment).check(&key), Ok(()));
        let details = deployment.details("database_restored");
        assert!(details[0].contains(r#""api_keys_revoked":0"#), "{details:?}");
    });
}
