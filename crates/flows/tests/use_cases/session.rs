//! Tests of session lists and of the end of single sessions.

use std::sync::Arc;

use portcullis_domain::{Delivery, DisplayName, Role, SessionId};
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::sign_in::SignInRequest;
use portcullis_flows::sign_in::refresh::{RefreshError, RefreshRequest};
use portcullis_flows::sign_in::session::ActiveSession;
use portcullis_testkit::{TestDatabase, samples};

use crate::deployment::{DAY, Deployment, HOUR, MINUTE, Node, by_name, cookies, refreshing};

#[test]
fn the_most_senior_role_is_that_of_the_matrix_in_force() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let lifetime = |role: &str| {
        let update = format!("UPDATE accounts SET role = '{role}'");
        deployment.database.store().execute(&update).unwrap();
        let tokens = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens;
        (tokens.session.expires_at.since(deployment.now()), tokens.refresh_expires_in)
    };
    assert_eq!(lifetime("admin"), (12 * HOUR, HOUR));
    assert_eq!(lifetime("msa"), (30 * DAY, 7 * DAY));
    activate(&deployment, &node, BOSS);
    assert_eq!(lifetime("boss"), (12 * HOUR, HOUR));
    assert_eq!(lifetime("msa"), (30 * DAY, 7 * DAY));
}

#[test]
fn a_sign_in_ends_the_session_that_its_browser_had_whoever_holds_it() {
    let deployment = Deployment::new();
    let (ada, _) = (deployment.enrol("ada"), deployment.enrol("grace"));
    let node = deployment.node();
    let first = node.sign_in.sign_in(&by_name("ada")).unwrap();
    node.refresh.refresh(&refreshing(&first)).unwrap();
    let again = SignInRequest { browser: cookies(&first), ..by_name("ada") };
    let second = node.sign_in.sign_in(&again).unwrap();

    // The rotated token meets the binding cookie of the new session: no theft, the session is over.
    let stale = RefreshRequest { binding: cookies(&second).session_binding, ..refreshing(&first) };
    assert!(matches!(node.refresh.refresh(&stale), Err(RefreshError::Invalid)));
    assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 1);

    let program =
        SignInRequest { delivery: Delivery::Body, browser: cookies(&second), ..by_name("ada") };
    node.sign_in.sign_in(&program).unwrap();
    assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 2, "it replaces no cookie");

    let grace = SignInRequest { browser: cookies(&second), ..by_name("grace") };
    node.sign_in.sign_in(&grace).unwrap();
    assert!(matches!(node.refresh.refresh(&refreshing(&second)), Err(RefreshError::Invalid)));
    let displaced = format!(
        "security_events e JOIN accounts a ON a.id = e.subject WHERE e.kind = 'session_displaced' \
         AND a.username = '{}'",
        ada.username.as_str()
    );
    assert_eq!(deployment.count(&displaced), 2, "each end is recorded for its holder");
}

#[test]
fn a_role_may_lie_idle_as_long_as_is_configured_and_no_longer_than_a_refresh_token_lives() {
    let mut deployment = Deployment::new();
    let role = |word| Role::parse(word).unwrap();
    deployment.sessions.idle_lifetime_by_role = [(role("msa"), 45 * MINUTE)].into_iter().collect();
    deployment.enrol("ada");
    let node = deployment.node();
    let tokens = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens;
    assert_eq!(tokens.refresh_expires_in, 45 * MINUTE);
    deployment.sessions.idle_lifetime_by_role = [(role("msa"), 45 * DAY)].into_iter().collect();
    let tokens = deployment.node().sign_in.sign_in(&by_name("ada")).unwrap().tokens;
    assert_eq!(tokens.refresh_expires_in, 7 * DAY);
}

#[test]
fn a_session_lives_by_the_role_that_its_account_has_now() {
    let deployment = Deployment::new();
    let account = deployment.enrol("ada");
    let node = deployment.node();
    let refresh = |refresh_token| {
        let origin = samples::origin();
        node.refresh.refresh(&RefreshRequest { refresh_token, binding: None, origin })
    };
    let open = || {
        let request = SignInRequest { delivery: Delivery::Body, ..by_name("ada") };
        node.sign_in.sign_in(&request).unwrap().tokens
    };
    let promote = |role: &str| {
        let update = format!("UPDATE accounts SET role = '{role}'");
        deployment.database.store().execute(&update).unwrap();
    };
    let begin = deployment.now();
    let (busy, idle) = (open(), open());
    deployment.pass(HOUR);
    let busy = refresh(busy.refresh_token).unwrap();
    promote("admin");
    deployment.pass(30 * MINUTE);
    let listed = node.sessions.list(account.id).unwrap();
    assert_eq!(ids(&listed), [busy.session.id]);
    assert!(matches!(refresh(idle.refresh_token), Err(RefreshError::Invalid)));
    let busy = refresh(busy.refresh_token).unwrap();
    assert_eq!(busy.session.expires_at, begin + 12 * HOUR);
    assert_eq!(busy.refresh_expires_in, HOUR);

    promote("msa");
    let busy = refresh(busy.refresh_token).unwrap();
    deployment.pass(12 * HOUR);
    promote("admin");
    assert!(matches!(refresh(busy.refresh_token), Err(RefreshError::Invalid)));
    assert_eq!(node.sessions.list(account.id).unwrap(), []);
}

#[test]
fn the_list_shows_the_sessions_of_the_account_newest_first_and_of_no_other() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    deployment.enrol("grace");
    node.sign_in.sign_in(&by_name("grace")).unwrap();
    let device_name = Some(DisplayName::parse("Ward 3").unwrap());
    let request = SignInRequest { device_name: device_name.clone(), ..by_name("ada") };
    let older = node.sign_in.sign_in(&request).unwrap();
    let begin = deployment.now();
    deployment.pass(MINUTE);
    let newer = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id;
    deployment.pass(MINUTE);
    node.refresh.refresh(&refreshing(&older)).unwrap();
    let listed = node.sessions.list(ada.id).unwrap();
    assert_eq!(ids(&listed), [newer, older.tokens.session.id]);
    let expected = ActiveSession {
        id: older.tokens.session.id,
        device_name,
        address: samples::origin().address,
        user_agent: samples::origin().user_agent,
        created_at: begin,
        last_used_at: begin + 2 * MINUTE,
        ends_at: begin + 2 * MINUTE + 7 * DAY,
    };
    assert_eq!(listed[1], expected);
    assert_eq!(node.sessions.list(samples::account("nobody").id).unwrap(), []);
}

#[test]
fn one_session_ends_at_once_and_the_others_go_on() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let sessions = [0; 3].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
        let [own, other, third] = sessions.each_ref().map(|it| it.tokens.session.id);
        let end = |session| node.sessions.end(ada.id, own, session, &samples::origin()).unwrap();
        assert_eq!((end(other), end(other)), (true, false), "the second time nothing is there");
        assert!(node.refuses(other) && !node.refuses(third) && !node.refuses(own));
        let refreshed = node.refresh.refresh(&refreshing(&sessions[1]));
        assert!(matches!(refreshed, Err(RefreshError::Invalid)));
        assert!(end(third));
        assert_eq!(ids(&node.sessions.list(ada.id).unwrap()), [own]);
        assert!(end(own));
        assert!(node.refuses(third) && node.refuses(own));
        assert_eq!(deployment.outcomes("session_ended"), ["success 2"]);
        assert_eq!(deployment.outcomes("sign_out"), ["success 1"], "of the session that asks");
    });
}

#[test]
fn a_session_of_somebody_else_is_like_one_that_does_not_exist() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    deployment.enrol("grace");
    let own = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id;
    let of_grace = node.sign_in.sign_in(&by_name("grace")).unwrap();
    for session in [of_grace.tokens.session.id, samples::session()] {
        assert!(!node.sessions.end(ada.id, own, session, &samples::origin()).unwrap());
        assert!(!node.refuses(session));
    }
    node.refresh.refresh(&refreshing(&of_grace)).unwrap();
    assert_eq!(deployment.outcomes("session_ended"), [""; 0]);
}

#[test]
fn every_other_session_of_the_account_ends_and_the_one_that_asks_stays() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        deployment.enrol("grace");
        let of_grace = node.sign_in.sign_in(&by_name("grace")).unwrap().tokens.session.id;
        let [asking, one, other] =
            [0; 3].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id);
        node.sessions.end_others(ada.id, asking, &samples::origin()).unwrap();
        assert_eq!(
            [one, other, asking, of_grace].map(|it| node.refuses(it)),
            [true, true, false, false]
        );
        assert_eq!(ids(&node.sessions.list(ada.id).unwrap()), [asking]);
        assert_eq!(deployment.details("other_sessions_ended"), [r#"{"sessions_ended":2}"#]);
    });
}

fn ids(listed: &[ActiveSession]) -> Vec<SessionId> {
    listed.iter().map(|session| session.id).collect()
}

/// This node activates the matrix.
pub(crate) fn activate(deployment: &Deployment, node: &Node, text: &str) {
    let store = Arc::new(deployment.database.store().clone());
    let active = node.matrix.clone();
    let matrices = Matrices::new(store.clone(), store, active, deployment.ambient());
    let version = matrices.propose(text, &samples::operator()).unwrap();
    matrices.activate(version, &samples::operator()).unwrap();
    matrices.follow().unwrap();
}

/// A matrix with another most senior role than the default one.
pub(crate) const BOSS: &str = r#"
self_registration_role = "msa"
resources = ["settings", "audit_log", "user", "schedule"]
actions = ["read", "update", "export", "execute"]
[roles.boss]
juniors = ["admin"]
grants = [{ resources = ["*"], actions = ["*"] }]
[roles.admin]
juniors = ["msa"]
grants = [{ resources = ["user"], actions = ["read"] }]
[roles.msa]
grants = [{ resources = ["schedule"], actions = ["read"] }]
"#;
