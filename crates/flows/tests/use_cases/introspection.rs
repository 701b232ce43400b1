//! Introspection of tokens, and revocation of a token by its holder.

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::machine::introspection::ActiveToken;
use portcullis_flows::sign_in::refresh::RefreshError;
use portcullis_testkit::{TestDatabase, samples};
use portcullis_token::LEEWAY;

use crate::deployment::{Deployment, HOUR, Node, by_name, refreshing, refreshing_next};

#[test]
fn a_live_token_is_described_by_its_own_claims() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let tokens = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens;
    let Some(ActiveToken::Access(access)) = introspect(&node, &tokens.access_token) else {
        panic!()
    };
    assert_eq!((access.subject, access.session), (ada.id, tokens.session.id));
    let Some(ActiveToken::Refresh(refresh)) = introspect(&node, &tokens.refresh_token) else {
        panic!()
    };
    assert_eq!((refresh.subject, refresh.session), (ada.id, tokens.session.id));
    assert_ne!(refresh.token, access.token);
}

#[test]
fn of_what_is_no_token_of_this_server_nothing_is_told() {
    let (deployment, elsewhere) = (Deployment::new(), Deployment::new());
    let node = deployment.node();
    elsewhere.enrol("ada");
    // Signed with the same secret, of a session that this database does not have.
    let foreign = elsewhere.node().sign_in.sign_in(&by_name("ada")).unwrap().tokens.refresh_token;
    for token in ["", "x", "a.b.c", foreign.expose_secret()] {
        assert_eq!(node.introspection.introspect(token, None).unwrap(), None, "{token}");
    }
}

#[test]
fn an_access_token_is_alive_until_it_expires_or_its_session_ends() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let [ended, expired] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap().tokens);
    node.sign_out.sign_out(ada.id, ended.session.id, &samples::origin()).unwrap();
    assert_eq!(introspect(&node, &ended.access_token), None);
    assert_eq!(introspect(&node, &ended.refresh_token), None);
    deployment.pass(deployment.sessions.access_lifetime);
    assert!(introspect(&node, &expired.access_token).is_some());
    deployment.pass(LEEWAY);
    assert_eq!(introspect(&node, &expired.access_token), None);
    assert!(introspect(&node, &expired.refresh_token).is_some());
}

#[test]
fn a_refresh_token_is_alive_until_it_is_used_and_no_question_uses_it() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
        for _ in 0..2 {
            assert!(introspect(&node, &signed_in.tokens.refresh_token).is_some());
        }
        let next = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
        assert_eq!(introspect(&node, &signed_in.tokens.refresh_token), None);
        assert!(introspect(&node, &next.refresh_token).is_some());
        node.refresh.refresh(&refreshing_next(&signed_in, &next)).unwrap();
    });
}

#[test]
fn a_refresh_token_is_not_alive_where_its_account_could_not_use_it() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let token = &signed_in.tokens.refresh_token;
    let update = |change: &str| {
        deployment.database.store().execute(&format!("UPDATE accounts SET {change}")).unwrap();
    };
    deployment.pass(2 * HOUR);
    assert!(introspect(&node, token).is_some());
    update("role = 'admin'");
    assert_eq!(introspect(&node, token), None, "idle for longer than the role allows");
    update("role = 'msa'");
    assert!(introspect(&node, token).is_some());
    update("is_active = false");
    assert_eq!(introspect(&node, token), None, "deactivated");
}

#[test]
fn an_access_token_ends_alone_and_its_session_goes_on() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
        revoke(&node, &signed_in.tokens.access_token);
        assert_eq!(introspect(&node, &signed_in.tokens.access_token), None);
        assert_eq!(
            introspect(&deployment.node(), &signed_in.tokens.access_token),
            None,
            "elsewhere too"
        );
        let next = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
        assert!(introspect(&node, &next.access_token).is_some());
        assert_eq!(deployment.outcomes("token_revoked"), ["success 1"]);
    });
}

#[test]
fn a_refresh_token_ends_with_its_session_and_used_ones_do_so_too() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
        let next = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
        for _ in 0..2 {
            revoke(&node, &signed_in.tokens.refresh_token);
        }
        assert_eq!(introspect(&node, &next.access_token), None);
        let refused = node.refresh.refresh(&refreshing_next(&signed_in, &next));
        assert!(matches!(refused, Err(RefreshError::Invalid)), "{refused:?}");
        assert_eq!(deployment.outcomes("sign_out"), ["success 1"]);
        assert_eq!(deployment.outcomes("token_revoked"), [""; 0]);
    });
}

#[test]
fn of_what_is_no_token_or_has_expired_nothing_is_ended_and_nothing_is_recorded() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let tokens = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens;
    deployment.pass(deployment.sessions.access_lifetime + LEEWAY);
    for token in ["", "a.b.c", tokens.access_token.expose_secret()] {
        revoke(&node, &SecretString::from(token));
    }
    assert!(introspect(&node, &tokens.refresh_token).is_some());
    assert_eq!(deployment.outcomes("token_revoked"), [""; 0]);
    assert_eq!(deployment.count("revocations"), 0);
}

fn introspect(node: &Node, token: &SecretString) -> Option<ActiveToken> {
    node.introspection.introspect(token.expose_secret(), None).unwrap()
}

fn revoke(node: &Node, token: &SecretString) {
    node.introspection.revoke(token.expose_secret(), &samples::origin()).unwrap();
}
