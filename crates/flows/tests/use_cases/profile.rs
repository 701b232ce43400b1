//! The display name, which the holder of an account changes.

use std::sync::Arc;

use portcullis_audit::EventKind;
use portcullis_flows::identity::profile::{ProfileError, Profiles};
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::administration::{by, only_recorded, parties, session_of, sign_in};
use crate::deployment::{Deployment, Node};

fn profiles(deployment: &Deployment, node: &Node) -> Profiles {
    let store = Arc::new(deployment.database.store().clone());
    Profiles::new(store, node.candidates.clone(), deployment.ambient())
}

#[test]
fn a_new_display_name_is_stored_and_recorded_with_the_former_one() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        deployment.enrol("joan");
        let signed_in = sign_in(&node, "ada");
        let principal = deployment.principal(&node, &signed_in.tokens);
        let profiles = profiles(&deployment, &node);
        let rename = |name| profiles.rename(&principal, ada.id, name).unwrap().display_name;
        let name = rename(Some("Ada King")).unwrap();
        assert_eq!(name.as_str(), "Ada King");
        assert_eq!(rename(Some("Ada King")), Some(name), "the same again");
        let event = only_recorded(&deployment, EventKind::ProfileChange);
        assert_eq!(parties(&event), by(&principal, ada.id));
        assert_eq!(event.session, Some(session_of(&signed_in)));
        let details = event.details.unwrap();
        assert!(details.contains(r#""field":"display_name""#), "{details}");
        assert!(details.contains(r#""after":"Ada King""#), "{details}");

        assert_eq!(rename(None), None);
        let details = deployment.details("profile_change");
        assert!(details[1].contains(r#""before":"Ada King""#), "{details:?}");
        assert_eq!(deployment.count("accounts WHERE display_name IS NOT NULL"), 0);
    });
}

#[test]
fn a_display_name_is_held_to_the_rules_of_a_registration() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let principal = deployment.principal(&node, &sign_in(&node, "ada").tokens);
    let profiles = profiles(&deployment, &node);
    for name in ["", " ", " Ada", "Ada\u{202e}", "fuck"] {
        match profiles.rename(&principal, ada.id, Some(name)) {
            Err(ProfileError::Invalid(fault)) => assert_eq!(fault.field(), "display_name"),
            other => panic!("{name:?}: {other:?}"),
        }
    }
    assert_eq!(deployment.outcomes("profile_change"), [""; 0]);
    assert_eq!(deployment.count("accounts WHERE display_name IS NOT NULL"), 0);
}

#[test]
fn whoever_is_no_longer_entitled_to_an_account_does_not_rename_it() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, joan) = (deployment.enrol("ada"), deployment.enrol("joan"));
        let node = deployment.node();
        let signed_in = sign_in(&node, "ada");
        let principal = deployment.principal(&node, &signed_in.tokens);
        let profiles = profiles(&deployment, &node);
        let is_refused = |account| {
            let renamed = profiles.rename(&principal, account, Some("Mallory"));
            matches!(renamed, Err(ProfileError::NotEntitled))
        };
        assert!(is_refused(joan.id), "it is the account of somebody else");
        let store = deployment.database.store();
        store.execute("UPDATE accounts SET is_active = false").unwrap();
        assert!(is_refused(ada.id), "deactivated");
        store.execute("UPDATE accounts SET is_active = true").unwrap();
        let session = session_of(&signed_in);
        assert!(node.sessions.end(ada.id, session, session, &samples::origin()).unwrap());
        assert!(is_refused(ada.id), "the session is over");
        store.execute("DELETE FROM sessions").unwrap();
        assert!(is_refused(samples::account("gone").id), "deleted");
        assert_eq!(deployment.outcomes("profile_change"), [""; 0]);
        assert_eq!(deployment.count("accounts WHERE display_name IS NOT NULL"), 0);
    });
}

/// Each entry of the audit log has the name that its change replaced, in any order of the changes.
#[test]
fn of_changes_at_once_each_one_builds_on_the_one_before() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let principal = deployment.principal(&node, &sign_in(&node, "ada").tokens);
        let profiles = profiles(&deployment, &node);
        at_once(8, |place| {
            let name = format!("Ada {place}");
            profiles.rename(&principal, ada.id, Some(&name)).unwrap();
        });
        let details = deployment.details("profile_change");
        assert_eq!(details.len(), 8);
        for place in 0..8 {
            let before = format!(r#""before":"Ada {place}""#);
            let times = details.iter().filter(|details| details.contains(&before)).count();
            let stored = format!("accounts WHERE display_name = 'Ada {place}'");
            let is_last = usize::from(deployment.count(&stored) == 1);
            assert_eq!(times + is_last, 1, "{details:?}");
        }
    });
}
