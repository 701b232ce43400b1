use std::sync::Arc;

use portcullis_domain::{Delivery, Role, SystemRandom};
use portcullis_flows::matrix::Matrices;
use portcullis_flows::refresh::{RefreshError, RefreshRequest};
use portcullis_flows::sign_in::SignInRequest;
use portcullis_testkit::samples;

use crate::house::{DAY, HOUR, House, MINUTE, Node, by_name};

#[test]
fn the_most_senior_role_is_that_of_the_matrix_in_force() {
    let house = House::new();
    house.enrol("ada");
    let node = house.node();
    let lifetime = |role: &str| {
        let update = format!("UPDATE accounts SET role = '{role}'");
        house.database.store().execute(&update).unwrap();
        let grant = node.sign_in.sign_in(&by_name("ada")).unwrap().grant;
        (grant.session.expires_at.since(house.now()), grant.refresh_expires_in)
    };
    assert_eq!(lifetime("admin"), (12 * HOUR, HOUR));
    assert_eq!(lifetime("msa"), (30 * DAY, 7 * DAY));
    activate(&house, &node, BOSS);
    assert_eq!(lifetime("boss"), (12 * HOUR, HOUR));
    assert_eq!(lifetime("msa"), (30 * DAY, 7 * DAY));
}

#[test]
fn a_role_may_lie_idle_as_long_as_is_configured_and_no_longer_than_a_refresh_token_lives() {
    let mut house = House::new();
    let role = |word| Role::parse(word).unwrap();
    house.sessions.idle_lifetime_by_role = [(role("msa"), 45 * MINUTE)].into_iter().collect();
    house.enrol("ada");
    let node = house.node();
    let grant = node.sign_in.sign_in(&by_name("ada")).unwrap().grant;
    assert_eq!(grant.refresh_expires_in, 45 * MINUTE);
    house.sessions.idle_lifetime_by_role = [(role("msa"), 45 * DAY)].into_iter().collect();
    let grant = house.node().sign_in.sign_in(&by_name("ada")).unwrap().grant;
    assert_eq!(grant.refresh_expires_in, 7 * DAY);
}

#[test]
fn a_session_lives_by_the_role_that_its_account_has_now() {
    let house = House::new();
    let account = house.enrol("ada");
    let node = house.node();
    let refresh = |refresh_token| {
        let origin = samples::origin();
        node.refresh.refresh(&RefreshRequest { refresh_token, binding: None, origin })
    };
    let open = || {
        let request = SignInRequest { delivery: Delivery::Body, ..by_name("ada") };
        node.sign_in.sign_in(&request).unwrap().grant
    };
    let promote = |role: &str| {
        let update = format!("UPDATE accounts SET role = '{role}'");
        house.database.store().execute(&update).unwrap();
    };
    let begin = house.now();
    let (busy, idle) = (open(), open());
    house.pass(HOUR);
    let busy = refresh(busy.refresh_token).unwrap();
    promote("admin");
    house.pass(30 * MINUTE);
    let listed = node.sessions.list(account.id).unwrap();
    assert_eq!(listed.iter().map(|it| it.id).collect::<Vec<_>>(), [busy.session.id]);
    assert!(matches!(refresh(idle.refresh_token), Err(RefreshError::Invalid)));
    let busy = refresh(busy.refresh_token).unwrap();
    assert_eq!(busy.session.expires_at, begin + 12 * HOUR);
    assert_eq!(busy.refresh_expires_in, HOUR);

    promote("msa");
    let busy = refresh(busy.refresh_token).unwrap();
    house.pass(12 * HOUR);
    promote("admin");
    assert!(matches!(refresh(busy.refresh_token), Err(RefreshError::Invalid)));
    assert_eq!(node.sessions.list(account.id).unwrap(), []);
}

fn activate(house: &House, node: &Node, text: &str) {
    let store = Arc::new(house.database.store().clone());
    let clock = house.clock.clone();
    let random = Arc::new(SystemRandom);
    let matrices = Matrices::new(store.clone(), store, node.matrix.clone(), clock, random);
    matrices.start(text, &samples::operator()).unwrap();
}

/// A matrix with another most senior role than the default one.
const BOSS: &str = r#"
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
