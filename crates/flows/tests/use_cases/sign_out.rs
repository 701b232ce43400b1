//! Tests of sign-out.

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::sign_in::SignedIn;
use portcullis_flows::sign_in::refresh::RefreshError;
use portcullis_flows::sign_in::sign_out::SignOutCredentials;
use portcullis_testkit::{TestDatabase, samples};

use crate::deployment::{DAY, Deployment, MINUTE, by_name, refreshing};

#[test]
fn signing_out_ends_this_session_and_its_tokens_at_once() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let [ended, kept] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
    node.sign_out.sign_out(ada.id, ended.tokens.session.id, &samples::origin()).unwrap();
    assert!(node.refuses(ended.tokens.session.id));
    assert!(!node.refuses(kept.tokens.session.id));
    assert!(matches!(node.refresh.refresh(&refreshing(&ended)), Err(RefreshError::Invalid)));
    node.refresh.refresh(&refreshing(&kept)).unwrap();
    assert_eq!(deployment.outcomes("sign_out"), ["success 1"]);
}

#[test]
fn signing_out_everywhere_ends_every_session_of_the_account_and_no_other() {
    let deployment = Deployment::new();
    let ada = deployment.enrol("ada");
    deployment.enrol("grace");
    let node = deployment.node();
    let [asking, other] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
    let spared = node.sign_in.sign_in(&by_name("grace")).unwrap();
    node.sign_out
        .sign_out_everywhere(ada.id, asking.tokens.session.id, &samples::origin())
        .unwrap();
    for ended in [asking, other] {
        assert!(node.refuses(ended.tokens.session.id));
        assert!(matches!(node.refresh.refresh(&refreshing(&ended)), Err(RefreshError::Invalid)));
    }
    node.refresh.refresh(&refreshing(&spared)).unwrap();
    assert_eq!(deployment.outcomes("sign_out_all"), ["success 1"]);
}

#[test]
fn a_rotated_token_of_a_session_that_was_signed_out_raises_no_alarm() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let [ended, kept] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
    node.refresh.refresh(&refreshing(&ended)).unwrap();
    node.sign_out.sign_out(ada.id, ended.tokens.session.id, &samples::origin()).unwrap();
    deployment.pass(MINUTE);
    assert!(matches!(node.refresh.refresh(&refreshing(&ended)), Err(RefreshError::Invalid)));
    assert_eq!(deployment.outcomes("refresh_token_reuse"), [""; 0]);
    node.refresh.refresh(&refreshing(&kept)).unwrap();
}

#[test]
fn signing_out_twice_is_no_error_and_recorded_once() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let session = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id;
    for _ in 0..2 {
        node.sign_out.sign_out(ada.id, session, &samples::origin()).unwrap();
    }
    assert_eq!(deployment.outcomes("sign_out"), ["success 1"]);
}

#[test]
fn a_session_ends_by_whatever_its_client_still_has_of_it_even_long_after() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let ada = deployment.enrol("ada");
        let node = deployment.node();
        let credentials: [&dyn Fn(&SignedIn) -> SignOutCredentials; 4] = [
            &|it| SignOutCredentials {
                access: Some((ada.id, it.tokens.session.id)),
                ..SignOutCredentials::default()
            },
            &by_refresh_token,
            &by_binding,
            &|it| SignOutCredentials { binding: by_binding(it).binding, ..by_refresh_token(it) },
        ];
        let signed_in = credentials.map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
        let bystander = node.sign_in.sign_in(&by_name("ada")).unwrap();
        // No refresh token lives so long.
        deployment.pass(8 * DAY);
        for (credentials, signed_in) in credentials.iter().zip(&signed_in) {
            let end = || node.sign_out.sign_out_by(&credentials(signed_in), &samples::origin());
            assert!(end().unwrap());
            assert!(node.refuses(signed_in.tokens.session.id));
            assert!(!end().unwrap(), "it has ended already");
        }
        assert!(!node.refuses(bystander.tokens.session.id));
        assert_eq!(deployment.outcomes("sign_out"), ["success 4"]);
    });
}

#[test]
fn remains_of_two_sessions_end_both() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    deployment.enrol("grace");
    let [one, other] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
    let of_grace = node.sign_in.sign_in(&by_name("grace")).unwrap();
    let credentials = SignOutCredentials {
        access: Some((ada.id, one.tokens.session.id)),
        binding: by_binding(&of_grace).binding,
        ..by_refresh_token(&other)
    };
    assert!(node.sign_out.sign_out_by(&credentials, &samples::origin()).unwrap());
    for ended in [&one, &other, &of_grace] {
        assert!(node.refuses(ended.tokens.session.id));
    }
    let subjects = "SELECT DISTINCT actor FROM security_events WHERE kind = 'sign_out'";
    assert_eq!(deployment.database.store().texts(subjects).unwrap().len(), 2, "each its owner's");
}

#[test]
fn remains_that_prove_nothing_end_nothing() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let text = |text: &str| Some(SecretString::from(text));
    let access_token = signed_in.tokens.access_token.expose_secret();
    for credentials in [
        SignOutCredentials::default(),
        SignOutCredentials { refresh_token: text("a.b.c"), binding: text("x"), access: None },
        SignOutCredentials { refresh_token: text(access_token), ..SignOutCredentials::default() },
    ] {
        assert!(
            !node.sign_out.sign_out_by(&credentials, &samples::origin()).unwrap(),
            "{credentials:?}"
        );
    }
    assert!(!node.refuses(signed_in.tokens.session.id));
    assert_eq!(deployment.outcomes("sign_out"), [""; 0]);
}

fn by_refresh_token(signed_in: &SignedIn) -> SignOutCredentials {
    let refresh_token = Some(signed_in.tokens.refresh_token.clone());
    SignOutCredentials { refresh_token, ..SignOutCredentials::default() }
}

fn by_binding(signed_in: &SignedIn) -> SignOutCredentials {
    let binding = signed_in.binding.as_ref().unwrap().expose();
    SignOutCredentials {
        binding: Some(SecretString::from(binding)),
        ..SignOutCredentials::default()
    }
}
