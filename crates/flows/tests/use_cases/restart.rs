//! Restart: the state of a node is in the database, so a new node continues from it.

use portcullis_flows::sign_in::SignInError;
use portcullis_flows::sign_in::refresh::RefreshError;
use portcullis_testkit::samples;

use crate::deployment::{Deployment, MINUTE, SECOND, by_name, guess, refreshing, refreshing_next};

#[test]
fn a_lock_outlasts_a_restart() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    (0..5).for_each(|_| drop(deployment.node().sign_in.sign_in(&guess("ada"))));
    assert!(matches!(
        deployment.node().sign_in.sign_in(&by_name("ada")),
        Err(SignInError::Refused)
    ));
    deployment.pass(MINUTE);
    deployment.node().sign_in.sign_in(&by_name("ada")).unwrap();
}

#[test]
fn a_token_of_before_the_restart_is_refreshed_after_it_and_only_once() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let signed_in = deployment.node().sign_in.sign_in(&by_name("ada")).unwrap();
    let first = deployment.node().refresh.refresh(&refreshing(&signed_in)).unwrap();
    deployment.node().refresh.refresh(&refreshing_next(&signed_in, &first)).unwrap();
    assert!(matches!(
        deployment.node().refresh.refresh(&refreshing(&signed_in)),
        Err(RefreshError::Reused)
    ));
    assert!(matches!(
        deployment.node().refresh.refresh(&refreshing(&signed_in)),
        Err(RefreshError::Invalid)
    ));
}

#[test]
fn what_was_revoked_is_revoked_again_after_a_restart() {
    let deployment = Deployment::new();
    let (ada, old) = (deployment.enrol("ada"), deployment.node());
    let [signed_out, displaced, reused, live] = [0, 1, 2, 3].map(|number| {
        let name = ["ada", "ada", "grace", "mary"][number];
        if number >= 2 {
            deployment.enrol(name);
        }
        old.sign_in.sign_in(&by_name(name)).unwrap()
    });
    old.sign_out.sign_out(ada.id, signed_out.tokens.session.id, &samples::origin()).unwrap();
    old.sign_out
        .sign_out_everywhere(ada.id, displaced.tokens.session.id, &samples::origin())
        .unwrap();
    let first = old.refresh.refresh(&refreshing(&reused)).unwrap();
    old.refresh.refresh(&refreshing_next(&reused, &first)).unwrap();
    assert!(matches!(old.refresh.refresh(&refreshing(&reused)), Err(RefreshError::Reused)));

    let fresh = deployment.node();
    for ended in [signed_out, displaced, reused] {
        assert!(fresh.refuses(ended.tokens.session.id));
        let refreshed = fresh.refresh.refresh(&refreshing(&ended));
        assert!(matches!(refreshed, Err(RefreshError::Invalid)));
    }
    assert!(!fresh.refuses(live.tokens.session.id));
}

#[test]
fn a_session_stays_revoked_until_its_last_access_token_is_dead_and_is_then_forgotten() {
    let deployment = Deployment::new();
    let (ada, old) = (deployment.enrol("ada"), deployment.node());
    let session = old.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id;
    old.sign_out.sign_out(ada.id, session, &samples::origin()).unwrap();

    deployment.pass(30 * MINUTE + portcullis_token::LEEWAY);
    let in_time = deployment.node();
    assert!(in_time.refuses(session));

    deployment.pass(portcullis_token::REVOCATION_MARGIN + SECOND);
    in_time.revocations.purge().unwrap();
    let later = deployment.node();
    assert!(later.revocations.set().is_empty());
}
