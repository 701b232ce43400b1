//! Known devices: failures of strangers do not lock out the owner on a device used before.

use std::sync::{Arc, Once};
use std::time::Duration;

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::identity::password_change::PasswordChangeRequest;
use portcullis_flows::sign_in::device::DEVICE_LIFETIME;
use portcullis_flows::sign_in::refresh::RefreshRequest;
use portcullis_flows::sign_in::{ChallengeAnswer, SignInError, SignInRequest, SignedIn};
use portcullis_testkit::{PASSWORD, samples};

use crate::deployment::{
    Deployment, MINUTE, Node, SECOND, by_name, device_cookie, guess, pool, typing,
};
use crate::factors::{self, answer, enrolled};
use crate::intercepted_store::{Before, InterceptedStore};
use crate::password_change::{NEW, change};

#[test]
fn a_device_that_signed_in_before_is_not_locked_out_by_a_stranger() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let known = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    lock_out(&node, "ada");
    assert!(refused(&node, &by_name("ada")), "from anywhere else");
    let signed_in = node.sign_in.sign_in(&from(&known, by_name("ada"))).unwrap();
    assert!(refused(&node, &by_name("ada")), "and the stranger's failures are not forgotten");
    node.sign_in.sign_in(&from(&device_of(signed_in), by_name("ada"))).unwrap();
}

#[test]
fn a_device_has_a_counter_like_any_other() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let known = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    (0..5).for_each(|_| assert!(refused(&node, &from(&known, guess("ada")))));
    assert!(refused(&node, &from(&known, by_name("ada"))));
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    deployment.pass(MINUTE);
    node.sign_in.sign_in(&from(&known, by_name("ada"))).unwrap();
}

#[test]
fn many_devices_of_an_account_share_one_counter() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let devices = [0; 6].map(|_| device_of(node.sign_in.sign_in(&by_name("ada")).unwrap()));
    for device in &devices[..5] {
        assert!(refused(&node, &from(device, guess("ada"))));
    }
    assert!(refused(&node, &from(&devices[5], by_name("ada"))));
}

#[test]
fn the_device_of_another_account_opens_no_further_counter() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    deployment.enrol("mallory");
    let node = deployment.node();
    let devices = [0, 1, 2].map(|_| device_of(node.sign_in.sign_in(&by_name("mallory")).unwrap()));
    for number in 0..5 {
        assert!(refused(&node, &from(&devices[number % 3], guess("ada"))));
    }
    for device in &devices {
        assert!(refused(&node, &from(device, by_name("ada"))));
    }
    assert_eq!(deployment.outcomes("sign_in"), ["locked 3", "success 3", "wrong_password 5"]);
}

#[test]
fn a_device_cookie_that_is_damaged_expired_or_of_another_kind_counts_as_none() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let access_token = signed_in.tokens.access_token.clone();
    let known = device_of(signed_in);
    deployment.pass(DEVICE_LIFETIME + MINUTE);
    let late = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    lock_out(&node, "ada");
    let damaged = SecretString::from(format!("{}x", late.expose_secret()));
    for worthless in [&known, &damaged, &access_token, &SecretString::from("")] {
        assert!(refused(&node, &from(worthless, by_name("ada"))));
    }
    deployment.pass(SECOND);
    node.sign_in.sign_in(&from(&late, by_name("ada"))).unwrap();
}

#[test]
fn a_device_keeps_its_name_from_one_sign_in_to_the_next() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let name = |token: &SecretString| {
        let token = token.expose_secret();
        node.authority.verify_device(token, deployment.now()).unwrap().device
    };
    let first = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    deployment.pass(MINUTE);
    let again = device_of(node.sign_in.sign_in(&from(&first, by_name("ada"))).unwrap());
    let other = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    assert_eq!(name(&first), name(&again));
    assert_ne!(name(&first), name(&other));
}

#[test]
fn a_device_cookie_ends_with_the_password_it_was_set_for() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let elsewhere = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    let asking = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let before = asking.device_token.clone();
    let request = change(&ada, asking.tokens.session.id, PASSWORD, NEW);
    let request = PasswordChangeRequest { device_token: before.clone(), ..request };
    let after = node.password_change.change(&request).unwrap().device_token.unwrap();

    lock_out(&node, "ada");
    for void in [&elsewhere, &before.unwrap()] {
        assert!(refused(&node, &from(void, typing("ada", NEW))));
    }
    let signed_in = node.sign_in.sign_in(&from(&after, typing("ada", NEW))).unwrap();
    let verify = |cookie: &SecretString| {
        node.authority.verify_device(cookie.expose_secret(), deployment.now()).unwrap().device
    };
    assert_eq!(verify(&after), verify(&device_of(signed_in)), "it is still the same device");
}

#[test]
fn failures_with_a_cookie_of_before_never_shut_out_the_devices_of_now() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let stolen = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    let session = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id;
    node.password_change.change(&change(&ada, session, PASSWORD, NEW)).unwrap();
    let known = device_of(node.sign_in.sign_in(&typing("ada", NEW)).unwrap());
    for _ in 0..20 {
        assert!(refused(&node, &from(&stolen, guess("ada"))));
    }
    node.sign_in.sign_in(&from(&known, typing("ada", NEW))).unwrap();
}

/// The cookie was good when it was looked at, and its password was changed before the failure counted.
#[test]
fn a_failure_that_counts_after_a_change_counts_for_the_password_of_before() {
    let deployment = Deployment::new();
    let (ada, calm) = (deployment.enrol("ada"), deployment.node());
    let known = device_of(calm.sign_in.sign_in(&by_name("ada")).unwrap());
    let session = calm.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id;
    let changing = deployment.node();
    let change_once = Once::new();
    let store =
        InterceptedStore::new(deployment.database.store().clone(), Before::Refusing, move |_| {
            let request = || change(&ada, session, PASSWORD, NEW);
            change_once.call_once(|| drop(changing.password_change.change(&request()).unwrap()));
        });
    let node = deployment.node_over(Arc::new(store), pool());
    for _ in 0..5 {
        assert!(refused(&node, &from(&known, guess("ada"))));
    }
    let known = device_of(calm.sign_in.sign_in(&typing("ada", NEW)).unwrap());
    (0..4).for_each(|_| assert!(refused(&node, &from(&known, guess("ada")))));
    node.sign_in.sign_in(&from(&known, typing("ada", NEW))).unwrap();
}

#[test]
fn each_sign_in_rotates_the_cookie_and_an_older_one_forgets_the_device() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    // Each sign-in is one of another node: what they share is the database.
    let sign_in = |device: &SecretString| {
        let signed_in = deployment.node().sign_in.sign_in(&from(device, by_name("ada")));
        deployment.pass(MINUTE + SECOND);
        signed_in.unwrap()
    };
    let first = device_of(sign_in(&SecretString::from("")));
    let second = device_of(sign_in(&first));
    let third = device_of(sign_in(&second));
    lock_out(&deployment.node(), "ada");
    assert!(refused(&deployment.node(), &from(&second, by_name("ada"))), "it counts as none");
    deployment.pass(16 * MINUTE);
    assert_eq!(deployment.outcomes("device_cookie_reused"), [""; 0], "not without a sign-in");
    let of_a_copy = device_of(sign_in(&second));
    assert_eq!(deployment.outcomes("device_cookie_reused"), ["success 1"]);
    assert_eq!(deployment.outcomes("new_device"), ["success 1"], "the holder is told");
    lock_out(&deployment.node(), "ada");
    assert!(refused(&deployment.node(), &from(&third, by_name("ada"))), "it is forgotten");
    deployment.node().sign_in.sign_in(&from(&of_a_copy, by_name("ada"))).unwrap();
    assert_eq!(deployment.count("devices"), 1);
}

#[test]
fn two_pages_of_a_browser_that_sign_in_at_once_are_one_known_device() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let cookie = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    deployment.pass(MINUTE);
    let rotated = device_of(node.sign_in.sign_in(&from(&cookie, by_name("ada"))).unwrap());
    let other = node.sign_in.sign_in(&from(&cookie, by_name("ada"))).unwrap();
    assert!(other.device_token.is_none(), "it keeps that of the other page");
    lock_out(&node, "ada");
    node.sign_in.sign_in(&from(&rotated, by_name("ada"))).unwrap();
    assert_eq!(deployment.outcomes("new_device"), [""; 0]);
    assert_eq!(deployment.count("devices"), 1);
    assert_eq!(deployment.count("sessions WHERE device_id IS NOT NULL"), 4);
}

#[test]
fn a_device_is_forgotten_after_ninety_days_without_a_sign_in_or_a_refresh() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let is_known = |cookie: &SecretString| {
        let before = deployment.outcomes("new_device");
        node.sign_in.sign_in(&from(cookie, by_name("ada"))).unwrap();
        deployment.outcomes("new_device") == before
    };
    let (idle, used) =
        (node.sign_in.sign_in(&by_name("ada")), node.sign_in.sign_in(&by_name("ada")));
    let (idle, used) = (device_of(idle.unwrap()), used.unwrap());
    let (cookie, mut tokens) = (used.device_token.clone().unwrap(), used.tokens);
    let binding = used.binding.map(|cookie| SecretString::from(cookie.expose()));
    for _ in 0..4 {
        deployment.pass(6 * DAY);
        let request = RefreshRequest {
            refresh_token: tokens.refresh_token.clone(),
            binding: binding.clone(),
            origin: samples::origin(),
        };
        tokens = node.refresh.refresh(&request).unwrap();
    }
    deployment.pass(65 * DAY + 86_399 * SECOND);
    let cookie_of_day_ninety =
        device_of(node.sign_in.sign_in(&from(&idle, by_name("ada"))).unwrap());
    deployment.pass(23 * DAY + 86_399 * SECOND);
    assert!(is_known(&cookie), "a refresh is a use");
    deployment.pass(66 * DAY + SECOND + SECOND);
    assert!(!is_known(&cookie_of_day_ninety), "ninety days are over");
}

#[test]
fn a_removed_factor_makes_every_device_unknown_and_an_added_one_does_not() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let cookie = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    let (app, confirmed) = enrolled(&deployment, &node, "ada");
    let second_step = |cookie: &SecretString| {
        let known = from(cookie, by_name("ada"));
        let issued = node.sign_in.challenge(&known).unwrap();
        let code = app.code(deployment.now());
        let answer =
            ChallengeAnswer { browser: device_cookie(cookie.clone()), ..answer(&issued, &code) };
        let signed_in = node.factors.second_factor.answer(&answer).unwrap();
        deployment.pass(MINUTE);
        signed_in
    };
    let before = deployment.outcomes("new_device");
    let signed_in = second_step(&cookie);
    assert_eq!(deployment.outcomes("new_device"), before, "the app was added only");
    let cookie = signed_in.device_token.clone().unwrap();
    let removing = SignedIn { tokens: confirmed.tokens, binding: None, device_token: None };
    node.factors.totp.remove(&factors::change(&removing, PASSWORD)).unwrap();
    lock_out(&node, "ada");
    assert!(refused(&node, &from(&cookie, by_name("ada"))), "it is unknown");
}

#[test]
fn a_device_that_its_owner_forgets_is_unknown_and_its_sessions_have_ended() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    deployment.enrol("grace");
    let lost = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let other = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let (lost_session, session) = (lost.tokens.session.id, other.tokens.session.id);
    let lost = device_of(lost);
    let listed = node.devices.list(ada.id).unwrap();
    let device = node.devices.current(ada.id, &lost).unwrap();
    assert!(listed.len() == 2 && listed.iter().any(|listed| listed.id == device));
    let grace = node.sign_in.sign_in(&by_name("grace")).unwrap();
    let forget = |account, session| {
        node.devices.forget(account, session, device, &samples::origin()).unwrap()
    };
    assert!(!forget(grace.tokens.account.id, grace.tokens.session.id), "it is that of another");
    assert!(node.devices.current(grace.tokens.account.id, &lost).is_none());
    assert!(forget(ada.id, session));
    assert!(!forget(ada.id, session), "once");
    assert!(node.refuses(lost_session) && !node.refuses(session));
    assert_eq!(deployment.outcomes("device_forgotten"), ["success 1"]);
    lock_out(&node, "ada");
    assert!(refused(&node, &from(&lost, by_name("ada"))));
}

/// Of a device that is not known any more, failures count as those of a stranger at once, also within the minute
/// in which the former cookie of a known device is accepted.
#[test]
fn failures_with_the_cookie_of_a_forgotten_device_count_as_those_of_a_stranger() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let former = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    let rotated = node.sign_in.sign_in(&from(&former, by_name("ada"))).unwrap();
    let session = rotated.tokens.session.id;
    let rotated = device_of(rotated);
    let known = device_of(node.sign_in.sign_in(&by_name("ada")).unwrap());
    let device = node.devices.current(ada.id, &rotated).unwrap();
    assert!(node.devices.forget(ada.id, session, device, &samples::origin()).unwrap());
    for number in 0..20 {
        let forgotten = [&former, &rotated][number % 2];
        assert!(refused(&node, &from(forgotten, guess("ada"))));
    }
    assert!(refused(&node, &by_name("ada")), "the counter of strangers is closed");
    for forgotten in [&former, &rotated] {
        assert!(refused(&node, &from(forgotten, by_name("ada"))), "and no other is open for it");
    }
    assert_eq!(deployment.count("sign_in_failures"), 1);
    node.sign_in.sign_in(&from(&known, by_name("ada"))).unwrap();
}

fn from(device: &SecretString, request: SignInRequest) -> SignInRequest {
    SignInRequest { browser: device_cookie(device.clone()), ..request }
}

fn device_of(signed_in: SignedIn) -> SecretString {
    signed_in.device_token.unwrap()
}

fn lock_out(node: &Node, name: &str) {
    (0..5).for_each(|_| assert!(refused(node, &guess(name))));
}

fn refused(node: &Node, request: &SignInRequest) -> bool {
    matches!(node.sign_in.sign_in(request), Err(SignInError::Refused))
}
