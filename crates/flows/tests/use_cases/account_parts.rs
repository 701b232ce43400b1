//! What an administrator ends of another account: one session, one API key, a lockout.

use std::sync::Arc;

use portcullis_audit::EventKind;
use portcullis_domain::AccountId;
use portcullis_flows::identity::account_change::{ChangeError, Refusal};
use portcullis_flows::machine::api_key::ApiKeyRefusal;
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::unlock::Lockouts;
use portcullis_flows::sign_in::{SignInError, SignInRequest};
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::account_change::admin;
use crate::administration::{
    by, changes, counters, enrol_as, only_recorded, parties, recorded, refusal, session_of,
    sign_in, with_both,
};
use crate::api_keys;
use crate::deployment::{Deployment, MINUTE, Node, by_name, device_cookie, guess, refreshing};

fn lockouts(deployment: &Deployment, node: &Node) -> Lockouts {
    let store = Arc::new(deployment.database.store().clone());
    let changes = changes(deployment, node);
    Lockouts::new(store, changes, counters(deployment), deployment.ambient())
}

fn is_unknown<T>(result: &Result<T, ChangeError>) -> bool {
    matches!(result, Err(ChangeError::Unknown))
}

#[test]
fn an_administrator_ends_one_session_of_an_account_and_no_other() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let joan = deployment.enrol("joan");
        let node = deployment.node();
        let [one, other] = [0; 2].map(|_| sign_in(&node, "ada"));
        let of_joan = session_of(&sign_in(&node, "joan"));
        let changes = &node.account_changes;
        let end = |account: AccountId, session| changes.end_session(&admin, account, session);

        for (account, session) in
            [(ada.id, of_joan), (joan.id, session_of(&one)), (ada.id, samples::session())]
        {
            assert!(is_unknown(&end(account, session)));
        }
        assert!(is_unknown(&end(samples::account("nobody").id, session_of(&one))));
        end(ada.id, session_of(&one)).unwrap();
        let live = [session_of(&one), session_of(&other), of_joan].map(|it| !node.refuses(it));
        assert_eq!(live, [false, true, true]);
        node.refresh.refresh(&refreshing(&one)).unwrap_err();
        node.refresh.refresh(&refreshing(&other)).unwrap();
        assert!(is_unknown(&end(ada.id, session_of(&one))), "it is over");

        let event = only_recorded(&deployment, EventKind::SessionEnded);
        assert_eq!(parties(&event), by(&admin, ada.id));
        assert_eq!((event.outcome.as_ref(), event.session), ("success", Some(session_of(&one))));
    });
}

#[test]
fn of_eight_ends_of_one_session_at_once_one_is_made() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let node = deployment.node();
        let session = session_of(&sign_in(&node, "ada"));
        let made = at_once(8, |_| {
            let ended = node.account_changes.end_session(&admin, ada.id, session);
            assert!(ended.is_ok() || is_unknown(&ended), "{ended:?}");
            ended.is_ok()
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 1);
        assert_eq!(deployment.outcomes("session_ended"), ["success 1"]);
        assert!(node.refuses(session));
    });
}

#[test]
fn an_administrator_revokes_one_api_key_of_an_account_and_its_name_is_recorded() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let admin = admin(&deployment);
        let owner = api_keys::enrol(&deployment, "ada", "developer");
        let other = api_keys::enrol(&deployment, "joan", "developer");
        let (node, keys) = (deployment.node(), api_keys::Node::of(&deployment));
        let [first, second] = [0; 2].map(|_| keys.create(owner));
        let id = first.record.stored.id;
        let revoke = |account: AccountId| node.account_changes.revoke_api_key(&admin, account, id);
        assert!(is_unknown(&revoke(other)), "it is not a key of that account");
        assert_eq!(keys.check(&first.key), Ok(()));

        revoke(owner).unwrap();
        assert_eq!(keys.check(&first.key), Err(ApiKeyRefusal::Unknown));
        assert_eq!(keys.check(&second.key), Ok(()));
        assert!(is_unknown(&revoke(owner)), "it is gone");
        let event = only_recorded(&deployment, EventKind::ApiKeyRevoked);
        assert_eq!(parties(&event), by(&admin, owner));
        let details = event.details.unwrap();
        assert!(details.contains(&id.to_string()), "{details}");
        assert!(details.contains(r#""name":"report""#), "{details}");
    });
}

#[test]
fn an_administrator_sees_a_lockout_and_ends_it_for_strangers_and_known_devices() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let node = deployment.node();
        let lockouts = lockouts(&deployment, &node);
        let read = || {
            let found = lockouts.read(&admin, ada.id).unwrap();
            (found.failures, found.locked_until, found.account.is_blocked)
        };
        let device = sign_in(&node, "ada").device_token.unwrap();
        assert_eq!(read(), (0, None, false));
        let known = || SignInRequest { browser: device_cookie(device.clone()), ..by_name("ada") };
        for _ in 0..5 {
            node.sign_in.sign_in(&guess("ada")).unwrap_err();
            let guess = SignInRequest { browser: known().browser, ..guess("ada") };
            node.sign_in.sign_in(&guess).unwrap_err();
        }
        let block = "UPDATE accounts SET is_blocked = true WHERE username = 'ada'";
        deployment.database.store().execute(block).unwrap();
        assert_eq!(read(), (5, Some(deployment.now() + MINUTE), true));

        lockouts.unlock(&admin, ada.id).unwrap();
        assert_eq!(read(), (0, None, false));
        for request in [by_name("ada"), known()] {
            node.sign_in.sign_in(&request).unwrap();
        }
        let event = only_recorded(&deployment, EventKind::Unlock);
        assert_eq!(parties(&event), by(&admin, ada.id));
        let change = r#"{"field":"is_blocked","before":"true","after":"false"}"#;
        assert_eq!(event.details.as_deref(), Some(&*format!(r#"{{"changes":[{change}]}}"#)));
        let reads = recorded(&deployment, EventKind::AccountRead);
        assert_eq!(reads.len(), 3);
        assert!(reads.iter().all(|read| parties(read) == by(&admin, ada.id)));
    });
}

/// Otherwise a stolen session of an administrator would gain further guesses of the password.
#[test]
fn nobody_ends_the_own_lockout_and_an_unknown_account_has_none() {
    let deployment = Deployment::new();
    let admin = admin(&deployment);
    let node = deployment.node();
    let lockouts = lockouts(&deployment, &node);
    for _ in 0..5 {
        node.sign_in.sign_in(&guess("grace")).unwrap_err();
    }
    let own = lockouts.unlock(&admin, admin.account().unwrap());
    assert_eq!(refusal(own), Refusal::OwnAccount);
    let still = node.sign_in.sign_in(&by_name("grace"));
    assert!(matches!(still, Err(SignInError::Refused)), "{still:?}");
    assert_eq!(deployment.outcomes("unlock"), ["against_rules 1"]);
    let nobody = samples::account("nobody").id;
    assert!(is_unknown(&lockouts.read(&admin, nobody)));
    assert!(is_unknown(&lockouts.unlock(&admin, nobody)));
    assert_eq!(deployment.outcomes("account_read"), [""; 0]);
}

#[test]
fn nobody_ends_what_belongs_to_a_senior_account_and_each_attempt_is_recorded() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (node, grace, joan) = with_both(&deployment);
        let id = grace.account().unwrap();
        deployment
            .database
            .store()
            .execute("UPDATE accounts SET kind = 'developer' WHERE username = 'grace'")
            .unwrap();
        let keys = api_keys::Node::of(&deployment);
        let key = keys.create(id);
        let session = session_of(&sign_in(&node, "grace"));
        let changes = changes(&deployment, &node);
        let attempts = [
            changes.end_session(&joan, id, session),
            changes.end_sessions(&joan, id),
            changes.revoke_api_key(&joan, id, key.record.stored.id),
            changes.reset_factors(&joan, id),
            lockouts(&deployment, &node).unlock(&joan, id),
        ];
        for attempt in attempts {
            assert_eq!(refusal(attempt), Refusal::AboveOwnRole);
        }
        assert!(!node.refuses(session));
        assert_eq!(keys.check(&key.key), Ok(()));
        for kind in
            ["session_ended", "all_sessions_ended", "api_key_revoked", "factors_reset", "unlock"]
        {
            assert_eq!(deployment.outcomes(kind), ["against_rules 1"], "{kind}");
        }
    });
}

#[test]
fn whoever_lost_the_permission_by_a_newer_matrix_ends_nothing() {
    let deployment = Deployment::new();
    let ada = api_keys::enrol(&deployment, "ada", "developer");
    let node = deployment.node();
    let session = session_of(&sign_in(&node, "ada"));
    let key = api_keys::Node::of(&deployment).create(ada);
    let joan: Principal =
        samples::principal(enrol_as(&deployment, "joan", "coordinator").id, "coordinator");
    let changes = changes(&deployment, &node);
    let attempts = [
        changes.end_session(&joan, ada, session),
        changes.end_sessions(&joan, ada),
        changes.revoke_api_key(&joan, ada, key.record.stored.id),
        changes.reset_factors(&joan, ada),
        lockouts(&deployment, &node).unlock(&joan, ada),
    ];
    for attempt in attempts {
        assert!(matches!(attempt, Err(ChangeError::Superseded)), "{attempt:?}");
    }
    assert!(!node.refuses(session));
    assert_eq!(deployment.count("api_keys"), 1);
    assert_eq!(deployment.outcomes("session_ended"), [""; 0]);
}
