//! Unlock: an operator ends a lockout at the ceiling.

use portcullis_flows::sign_in::SignInError;
use portcullis_testkit::samples;

use crate::deployment::{Deployment, by_name, guess};

#[test]
fn an_unlocked_account_signs_in_at_once_and_the_unlocking_is_recorded() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    for _ in 0..5 {
        let _ = node.sign_in.sign_in(&guess("ada"));
    }
    assert!(matches!(node.sign_in.sign_in(&by_name("ada")), Err(SignInError::Refused)));
    assert!(node.unlock.unlock("ADA", &samples::origin()).unwrap());
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    assert_eq!(deployment.outcomes("unlock"), ["success 1"]);
    assert!(!node.unlock.unlock("nobody", &samples::origin()).unwrap());
}
