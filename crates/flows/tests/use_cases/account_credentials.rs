//! What the operator and administrators change about the credentials of another account: its password, a demand
//! for another one, and its second factors.

use portcullis_audit::EventKind;
use portcullis_domain::ExposeSecret;
use portcullis_flows::identity::account_change::{AccountPatch, ChangeError, Refusal};
use portcullis_flows::sign_in::SignInError;
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::account_change::admin;
use crate::administration::{
    by, enrol_as, only_recorded, parties, refusal, session_of, sign_in, with_both,
};
use crate::deployment::{Deployment, SECOND, by_name, guess, refreshing};
use crate::factors::enrolled;

fn demand() -> AccountPatch {
    AccountPatch { demands_password: true, ..AccountPatch::default() }
}

#[test]
fn the_operator_sets_a_password_which_ends_every_session_and_the_holder_is_told() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let damage = "UPDATE accounts SET password_hash = 'lost' WHERE username = 'ada'";
        let signed_in = sign_in(&node, "ada");
        deployment.database.store().execute(damage).unwrap();
        node.sign_in.sign_in(&by_name("ada")).unwrap_err();
        deployment.deliver();

        let (operator, hash) = (samples::operator(), samples::password_hash());
        node.account_changes.set_password(&operator, ada.id, &hash, true).unwrap();
        assert_eq!(deployment.hash_of(&ada), hash.as_str());
        assert!(node.refuses(session_of(&signed_in)));
        node.refresh.refresh(&refreshing(&signed_in)).unwrap_err();
        let again = sign_in(&node, "ada").tokens.account;
        assert!(again.password_must_change, "the operator knows this password");

        let event = only_recorded(&deployment, EventKind::PasswordSet);
        assert_eq!(parties(&event), by(&operator, ada.id));
        let details = event.details.unwrap();
        assert!(details.contains(r#""sessions_ended":1"#), "{details}");
        assert!(!details.contains("argon2"), "{details}");
        let kinds: Vec<_> = deployment.deliver().iter().map(|sent| sent.mail.kind()).collect();
        assert!(kinds.contains(&"password_changed"), "{kinds:?}");
    });
}

#[test]
fn nobody_but_the_operator_sets_a_password_and_a_service_has_none() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let feed = deployment.enrol("feed");
    let service =
        "UPDATE accounts SET kind = 'service', password_hash = NULL WHERE username = 'feed'";
    deployment.database.store().execute(service).unwrap();
    let (node, hash) = (deployment.node(), samples::password_hash());
    let set =
        |principal, account| node.account_changes.set_password(principal, account, &hash, false);
    let operator = samples::operator();
    assert_eq!(refusal(set(&admin, ada.id)), Refusal::AboveOwnRole);
    assert_eq!(refusal(set(&operator, feed.id)), Refusal::ServiceAccount);
    let nobody = set(&operator, samples::account("nobody").id);
    assert!(matches!(nobody, Err(ChangeError::Unknown)), "{nobody:?}");
    assert_eq!(deployment.outcomes("password_set"), ["against_rules 2"]);
    assert_eq!(deployment.count("accounts WHERE password_hash IS NULL"), 1);
    assert_eq!(deployment.count("outbox"), 0);
}

#[test]
fn a_demand_for_another_password_is_in_every_token_from_then_on_and_is_made_once() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let node = deployment.node();
        let signed_in = sign_in(&node, "ada");
        let change = || node.account_changes.change(&admin, ada.id, &demand());
        assert!(change().unwrap().password_must_change);
        let is_void = |token: &str| {
            let claims = node.authority.verify_access(token, deployment.now()).unwrap();
            node.revocations.is_revoked(&claims).unwrap()
        };
        assert!(is_void(signed_in.tokens.access_token.expose_secret()));
        let tokens = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
        assert!(tokens.account.password_must_change, "the session stays");
        assert!(!is_void(tokens.access_token.expose_secret()));
        change().unwrap();
        assert!(!is_void(tokens.access_token.expose_secret()), "nothing has changed");

        let event = only_recorded(&deployment, EventKind::PasswordChangeDemanded);
        assert_eq!(parties(&event), by(&admin, ada.id));
        let change = r#"{"field":"password_must_change","before":"false","after":"true"}"#;
        assert_eq!(event.details.as_deref(), Some(&*format!(r#"{{"changes":[{change}]}}"#)));
    });
}

#[test]
fn no_other_password_is_demanded_of_an_account_that_has_none() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    let store = deployment.database.store();
    store.execute("UPDATE accounts SET password_hash = NULL WHERE username = 'ada'").unwrap();
    let both = AccountPatch { role: Some("rn".to_owned()), ..demand() };
    for patch in [demand(), both] {
        let refused = node.account_changes.change(&admin, ada.id, &patch);
        assert_eq!(refusal(refused), Refusal::NoPassword);
    }
    let stored = node.account_changes.read(&admin, ada.id).unwrap().unwrap();
    assert_eq!((stored.role.as_str(), stored.password_must_change), ("msa", false));
    assert_eq!(deployment.outcomes("password_change_demanded"), ["against_rules 2"]);
    assert_eq!(deployment.outcomes("role_changed"), ["against_rules 1"]);
}

#[test]
fn one_request_that_changes_three_things_has_an_event_for_each_of_them() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    let session = session_of(&sign_in(&node, "ada"));
    let patch = AccountPatch { role: Some("rn".to_owned()), is_active: Some(false), ..demand() };
    assert_eq!(patch.takes().len(), 2, "two permissions, the second of them once");
    let after = node.account_changes.change(&admin, ada.id, &patch).unwrap();
    assert_eq!(
        (after.role.as_str(), after.is_active, after.password_must_change),
        ("rn", false, true)
    );
    assert!(node.refuses(session));
    for (kind, detail) in [
        (EventKind::RoleChanged, r#""before":"msa","after":"rn""#),
        (EventKind::PasswordChangeDemanded, r#""field":"password_must_change""#),
        (EventKind::AccountDeactivated, r#""sessions_ended":1"#),
    ] {
        let event = only_recorded(&deployment, kind);
        assert_eq!(parties(&event), by(&admin, ada.id));
        let details = event.details.unwrap();
        assert!(details.contains(detail), "{details}");
    }
}

#[test]
fn an_administrator_resets_the_lost_factors_of_an_account_and_its_holder_is_told() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let node = deployment.node();
        let (_, confirmed) = enrolled(&deployment, &node, "ada");
        deployment.deliver();
        assert!(node.sign_in.challenge(&by_name("ada")).is_ok());

        node.account_changes.reset_factors(&admin, ada.id).unwrap();
        assert_eq!(deployment.count("totp_factors"), 0);
        assert!(node.refuses(confirmed.tokens.session.id));
        let account = sign_in(&node, "ada").tokens.account;
        assert!(!account.mfa_enabled, "the password is enough");
        let event = only_recorded(&deployment, EventKind::FactorsReset);
        assert_eq!(parties(&event), by(&admin, ada.id));
        let sessions = deployment.details("factors_reset");
        assert!(sessions[0].contains("\"sessions_ended\""), "{sessions:?}");
        let mails = deployment.deliver();
        let told = mails.iter().filter(|sent| sent.mail.kind() == "factors_reset").count();
        assert_eq!(told, 1);

        deployment.pass(SECOND);
        node.account_changes.reset_factors(&admin, ada.id).unwrap();
        let mails = deployment.deliver();
        let told = mails.iter().any(|sent| sent.mail.kind() == "factors_reset");
        assert!(!told, "an account without factors has nothing to be told");
    });
}

/// Otherwise a stolen session of an administrator would remove the second factor of its own account.
#[test]
fn nobody_resets_the_own_factors_nor_those_of_a_senior_account() {
    let deployment = Deployment::new();
    let (node, grace, joan) = with_both(&deployment);
    enrol_as(&deployment, "eve", "admin");
    enrolled(&deployment, &node, "grace");
    let id = grace.account().unwrap();
    let reset = |principal| refusal(node.account_changes.reset_factors(principal, id));
    assert_eq!((reset(&grace), reset(&joan)), (Refusal::OwnAccount, Refusal::AboveOwnRole));
    assert_eq!(deployment.count("totp_factors"), 1);
    assert_eq!(deployment.outcomes("factors_reset"), ["against_rules 2"]);
    // The rule holds for an account without factors too.
    let own = joan.account().unwrap();
    assert_eq!(refusal(node.account_changes.reset_factors(&joan, own)), Refusal::OwnAccount);
}

#[test]
fn of_two_administrators_who_deactivate_each_other_at_once_one_remains() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let accounts = ["ada", "grace"].map(|name| enrol_as(&deployment, name, "admin").id);
        let principals = accounts.map(|account| samples::principal(account, "admin"));
        let node = deployment.node();
        let deactivate = AccountPatch { is_active: Some(false), ..AccountPatch::default() };
        let results = at_once(2, |place| {
            let other = accounts[1 - place];
            node.account_changes.change(&principals[place], other, &deactivate).map(drop)
        });
        let made = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(made, 1, "{results:?}");
        assert_eq!(deployment.count("accounts WHERE is_active"), 1);
        let refused = results.into_iter().find(Result::is_err).unwrap();
        assert_eq!(refusal(refused), Refusal::CallerChanged);
        let outcomes = ["success 1", "superseded 1"];
        assert_eq!(deployment.outcomes("account_deactivated"), outcomes);
    });
}

#[test]
fn a_deactivated_account_signs_in_again_only_after_it_is_activated() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    let set = |is_active| {
        let patch = AccountPatch { is_active: Some(is_active), ..AccountPatch::default() };
        node.account_changes.change(&admin, ada.id, &patch).unwrap()
    };
    let signed_in = sign_in(&node, "ada");
    set(false);
    let refused = node.sign_in.sign_in(&by_name("ada"));
    assert!(matches!(refused, Err(SignInError::Refused)), "{refused:?}");
    node.sign_in.sign_in(&guess("ada")).unwrap_err();
    set(true);
    node.refresh.refresh(&refreshing(&signed_in)).unwrap_err();
    sign_in(&node, "ada");
    assert_eq!(deployment.outcomes("account_reactivated"), ["success 1"]);
}
