//! What a node knew is in the database: a fresh one over it goes on where the old one was stopped.

use portcullis_flows::sign_in::SignInError;
use portcullis_flows::sign_in::refresh::RefreshError;
use portcullis_testkit::samples;

use crate::house::{House, MINUTE, SECOND, by_name, guess, refreshing, refreshing_next};

#[test]
fn a_lock_outlasts_a_restart() {
    let house = House::new();
    house.enrol("ada");
    (0..5).for_each(|_| drop(house.node().sign_in.sign_in(&guess("ada"))));
    assert!(matches!(house.node().sign_in.sign_in(&by_name("ada")), Err(SignInError::Refused)));
    house.pass(MINUTE);
    house.node().sign_in.sign_in(&by_name("ada")).unwrap();
}

#[test]
fn a_token_of_before_the_restart_is_refreshed_after_it_and_only_once() {
    let house = House::new();
    house.enrol("ada");
    let signed_in = house.node().sign_in.sign_in(&by_name("ada")).unwrap();
    let first = house.node().refresh.refresh(&refreshing(&signed_in)).unwrap();
    house.node().refresh.refresh(&refreshing_next(&signed_in, &first)).unwrap();
    assert!(matches!(
        house.node().refresh.refresh(&refreshing(&signed_in)),
        Err(RefreshError::Reused)
    ));
    assert!(matches!(
        house.node().refresh.refresh(&refreshing(&signed_in)),
        Err(RefreshError::Invalid)
    ));
}

#[test]
fn what_was_revoked_is_revoked_again_after_a_restart() {
    let house = House::new();
    let (ada, old) = (house.enrol("ada"), house.node());
    let [signed_out, displaced, reused, live] = [0, 1, 2, 3].map(|number| {
        let name = ["ada", "ada", "grace", "mary"][number];
        if number >= 2 {
            house.enrol(name);
        }
        old.sign_in.sign_in(&by_name(name)).unwrap()
    });
    old.sign_out.sign_out(ada.id, signed_out.grant.session.id, &samples::origin()).unwrap();
    old.sign_out
        .sign_out_everywhere(ada.id, displaced.grant.session.id, &samples::origin())
        .unwrap();
    let first = old.refresh.refresh(&refreshing(&reused)).unwrap();
    old.refresh.refresh(&refreshing_next(&reused, &first)).unwrap();
    assert!(matches!(old.refresh.refresh(&refreshing(&reused)), Err(RefreshError::Reused)));

    let fresh = house.node();
    for ended in [signed_out, displaced, reused] {
        assert!(fresh.refuses(ended.grant.session.id));
        let refreshed = fresh.refresh.refresh(&refreshing(&ended));
        assert!(matches!(refreshed, Err(RefreshError::Invalid)));
    }
    assert!(!fresh.refuses(live.grant.session.id));
}

#[test]
fn a_session_stays_revoked_until_its_last_access_token_is_dead_and_is_then_forgotten() {
    let house = House::new();
    let (ada, old) = (house.enrol("ada"), house.node());
    let session = old.sign_in.sign_in(&by_name("ada")).unwrap().grant.session.id;
    old.sign_out.sign_out(ada.id, session, &samples::origin()).unwrap();

    house.pass(30 * MINUTE + portcullis_token::LEEWAY);
    let in_time = house.node();
    assert!(in_time.refuses(session));

    house.pass(portcullis_token::REVOCATION_MARGIN + SECOND);
    in_time.revocations.purge().unwrap();
    let later = house.node();
    assert!(later.revocations.set().is_empty());
}
