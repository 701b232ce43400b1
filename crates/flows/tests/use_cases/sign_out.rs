use portcullis_flows::refresh::RefreshError;
use portcullis_testkit::samples;

use crate::house::{House, MINUTE, by_name, refreshing};

#[test]
fn signing_out_ends_this_session_and_its_tokens_at_once() {
    let house = House::new();
    let (ada, node) = (house.enrol("ada"), house.node());
    let [ended, kept] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
    node.sign_out.sign_out(ada.id, ended.grant.session.id, &samples::origin()).unwrap();
    assert!(node.refuses(ended.grant.session.id));
    assert!(!node.refuses(kept.grant.session.id));
    assert!(matches!(node.refresh.refresh(&refreshing(&ended)), Err(RefreshError::Invalid)));
    node.refresh.refresh(&refreshing(&kept)).unwrap();
    assert_eq!(house.outcomes("sign_out"), ["success 1"]);
}

#[test]
fn signing_out_everywhere_ends_every_session_of_the_account_and_no_other() {
    let house = House::new();
    let ada = house.enrol("ada");
    house.enrol("grace");
    let node = house.node();
    let [asking, other] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
    let spared = node.sign_in.sign_in(&by_name("grace")).unwrap();
    node.sign_out.sign_out_everywhere(ada.id, asking.grant.session.id, &samples::origin()).unwrap();
    for ended in [asking, other] {
        assert!(node.refuses(ended.grant.session.id));
        assert!(matches!(node.refresh.refresh(&refreshing(&ended)), Err(RefreshError::Invalid)));
    }
    node.refresh.refresh(&refreshing(&spared)).unwrap();
    assert_eq!(house.outcomes("sign_out_all"), ["success 1"]);
}

#[test]
fn a_rotated_token_of_a_session_that_was_signed_out_raises_no_alarm() {
    let house = House::new();
    let (ada, node) = (house.enrol("ada"), house.node());
    let [ended, kept] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
    node.refresh.refresh(&refreshing(&ended)).unwrap();
    node.sign_out.sign_out(ada.id, ended.grant.session.id, &samples::origin()).unwrap();
    house.pass(MINUTE);
    assert!(matches!(node.refresh.refresh(&refreshing(&ended)), Err(RefreshError::Invalid)));
    assert_eq!(house.outcomes("refresh_token_reuse"), [""; 0]);
    node.refresh.refresh(&refreshing(&kept)).unwrap();
}

#[test]
fn signing_out_twice_is_no_error_and_recorded_once() {
    let house = House::new();
    let (ada, node) = (house.enrol("ada"), house.node());
    let session = node.sign_in.sign_in(&by_name("ada")).unwrap().grant.session.id;
    for _ in 0..2 {
        node.sign_out.sign_out(ada.id, session, &samples::origin()).unwrap();
    }
    assert_eq!(house.outcomes("sign_out"), ["success 1"]);
}
