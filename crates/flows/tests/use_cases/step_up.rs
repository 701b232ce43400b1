//! Step-up: the maximum age of a sign-in.

use std::sync::Arc;

use portcullis_audit::{Actor, EventKind, Filter};
use portcullis_flows::sign_in::step_up::StepUp;
use portcullis_testkit::samples;

use crate::deployment::{Deployment, MINUTE, by_name, refreshing};
use crate::trail::trail;

fn step_up(deployment: &Deployment) -> StepUp {
    let store = Arc::new(deployment.database.store().clone());
    StepUp::new(store, deployment.ambient())
}

#[test]
fn a_sign_in_is_recent_for_fifteen_minutes_and_no_refresh_makes_it_so_again() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let (node, step_up) = (deployment.node(), step_up(&deployment));
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let principal = deployment.principal(&node, &signed_in.tokens);
    deployment.pass(14 * MINUTE);
    assert!(step_up.is_recent(&principal));
    deployment.pass(MINUTE);
    assert!(!step_up.is_recent(&principal));
    let refreshed = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
    assert!(!step_up.is_recent(&deployment.principal(&node, &refreshed)));
    let anew = node.sign_in.sign_in(&by_name("ada")).unwrap();
    assert!(step_up.is_recent(&deployment.principal(&node, &anew.tokens)));
}

#[test]
fn a_credential_without_a_sign_in_is_never_recent() {
    assert!(!step_up(&Deployment::new()).is_recent(&samples::operator()));
}

#[test]
fn a_refusal_is_recorded_with_the_account_and_the_session_that_were_refused() {
    let deployment = Deployment::new();
    let ada = deployment.enrol("ada");
    let node = deployment.node();
    let tokens = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens;
    step_up(&deployment).record_refusal(&deployment.principal(&node, &tokens)).unwrap();
    assert_eq!(deployment.outcomes("step_up_required"), ["denied 1"]);
    let filter = Filter { kind: Some(EventKind::StepUpRequired), ..Filter::default() };
    let page = trail(&deployment).search(&samples::operator(), &filter, None, 1).unwrap();
    let entry = &page.entries[0];
    assert_eq!((entry.subject, entry.session), (Some(ada.id), Some(tokens.session.id)));
    assert_eq!(entry.actor, Actor::Account(ada.id).to_string());
}
