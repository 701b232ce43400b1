//! How recent a sign-in must be.

use std::sync::Arc;

use portcullis_audit::{Actor, EventKind, Filter};
use portcullis_flows::sign_in::step_up::StepUp;
use portcullis_testkit::samples;

use crate::house::{House, MINUTE, by_name, refreshing};
use crate::trail::trail;

fn step_up(house: &House) -> StepUp {
    let store = Arc::new(house.database.store().clone());
    StepUp::new(store, house.ambient())
}

#[test]
fn a_sign_in_is_recent_for_fifteen_minutes_and_no_refresh_makes_it_so_again() {
    let house = House::new();
    house.enrol("ada");
    let (node, step_up) = (house.node(), step_up(&house));
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let principal = house.principal(&node, &signed_in.grant);
    house.pass(14 * MINUTE);
    assert!(step_up.is_recent(&principal));
    house.pass(MINUTE);
    assert!(!step_up.is_recent(&principal));
    let refreshed = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
    assert!(!step_up.is_recent(&house.principal(&node, &refreshed)));
    let anew = node.sign_in.sign_in(&by_name("ada")).unwrap();
    assert!(step_up.is_recent(&house.principal(&node, &anew.grant)));
}

#[test]
fn a_credential_without_a_sign_in_is_never_recent() {
    assert!(!step_up(&House::new()).is_recent(&samples::operator()));
}

#[test]
fn a_refusal_is_recorded_with_the_account_and_the_session_that_were_refused() {
    let house = House::new();
    let ada = house.enrol("ada");
    let node = house.node();
    let grant = node.sign_in.sign_in(&by_name("ada")).unwrap().grant;
    step_up(&house).record_refusal(&house.principal(&node, &grant)).unwrap();
    assert_eq!(house.outcomes("step_up_required"), ["denied 1"]);
    let filter = Filter { kind: Some(EventKind::StepUpRequired), ..Filter::default() };
    let page = trail(&house).search(&samples::operator(), &filter, None, 1).unwrap();
    let entry = &page.entries[0];
    assert_eq!((entry.subject, entry.session), (Some(ada.id), Some(grant.session.id)));
    assert_eq!(entry.actor, Actor::Account(ada.id).to_string());
}
