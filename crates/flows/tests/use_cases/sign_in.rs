//! Tests of sign-in with a password.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use portcullis_domain::{Account, Clock, Delivery, ExposeSecret, Role, Timestamp};
use portcullis_flows::sign_in::{SignInError, SignInRequest};
use portcullis_password::{Hasher, PoolSettings, Scratch};
use portcullis_testkit::samples;
use portcullis_token::AuthenticationMethod;

use crate::deployment::{DAY, Deployment, HOUR, MINUTE, Node, by_name, guess, pool, typing};

#[test]
fn the_right_password_opens_a_session_whose_tokens_say_whose_it_is() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let tokens = signed_in.tokens;
    let access = node
        .authority
        .verify_access(tokens.access_token.expose_secret(), deployment.now())
        .unwrap();
    assert_eq!((access.subject, access.session), (ada.id, tokens.session.id));
    assert_eq!((access.role, access.kind), (ada.role.clone(), ada.kind));
    assert_eq!(access.authentication_methods, [AuthenticationMethod::Password]);
    assert_eq!(access.authenticated_at, deployment.now());
    let refresh = node
        .authority
        .verify_refresh(tokens.refresh_token.expose_secret(), deployment.now())
        .unwrap();
    assert_eq!((refresh.subject, refresh.session), (ada.id, tokens.session.id));
    assert_eq!(tokens.access_expires_in, 30 * MINUTE);
    assert_eq!(tokens.refresh_expires_in, 7 * DAY);
    assert_eq!(tokens.account, Account { last_sign_in_at: Some(deployment.now()), ..ada });
    assert!(signed_in.binding.is_some() && signed_in.device_token.is_some());
}

#[test]
fn a_client_without_cookies_gets_none() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let request = SignInRequest { delivery: Delivery::Body, ..by_name("ada") };
    let signed_in = deployment.node().sign_in.sign_in(&request).unwrap();
    assert!(signed_in.binding.is_none() && signed_in.device_token.is_none());
    assert_eq!(signed_in.tokens.session.delivery, Delivery::Body);
}

#[test]
fn an_account_is_found_however_its_name_is_typed_but_not_by_a_look_alike() {
    let deployment = Deployment::new();
    deployment.enrol("paypal");
    let node = deployment.node();
    for typed in ["paypal", "PayPal", "ｐａｙｐａｌ", "paypal@example.org", "PAYPAL@Example.Org"]
    {
        assert!(node.sign_in.sign_in(&by_name(typed)).is_ok(), "{typed}");
    }
    for typed in ["pаypal", "paypa1", " paypal", "paypal@example.com", "", "pay pal", "a\0b"] {
        let refused = node.sign_in.sign_in(&by_name(typed));
        assert!(matches!(refused, Err(SignInError::Refused)), "{typed:?}");
    }
}

/// Every way to be refused, by the account's name, with what auditors read.
const REFUSALS: [(&str, &str); 5] = [
    ("unknown", "unknown_account"),
    ("wrong", "wrong_password"),
    ("locked", "locked"),
    ("deactivated", "deactivated"),
    ("passwordless", "wrong_password"),
];

#[test]
fn unknown_wrong_locked_deactivated_and_without_password_are_one_refusal() {
    let deployment = with_refusals();
    for (name, reason) in REFUSALS {
        deployment.database.store().execute("DELETE FROM security_events").unwrap();
        let refused = deployment.node().sign_in.sign_in(&request_to_be_refused(name));
        assert!(matches!(refused, Err(SignInError::Refused)), "{name}");
        assert_eq!(deployment.outcomes("sign_in"), [format!("{reason} 1")], "{name}");
    }
    assert_eq!(deployment.count("sessions"), 0);
}

#[test]
fn every_refusal_costs_one_hash() {
    let mut deployment = with_refusals();
    for (name, _) in REFUSALS {
        let readings = Arc::new(CountingClock::default());
        deployment.hashing_clock = readings.clone();
        // With the node its pool is gone, and nothing is counted later.
        drop(deployment.node().sign_in.sign_in(&request_to_be_refused(name)));
        // A job reads the clock when it comes, when it begins and when it is done.
        assert_eq!(readings.0.load(Ordering::SeqCst), 3, "{name}");
    }
}

fn with_refusals() -> Deployment {
    let deployment = Deployment::new();
    for name in ["wrong", "locked", "deactivated", "passwordless"] {
        deployment.enrol(name);
    }
    let node = deployment.node();
    (0..5).for_each(|_| drop(node.sign_in.sign_in(&guess("locked"))));
    let store = deployment.database.store();
    store.execute("UPDATE accounts SET is_active = false WHERE username = 'deactivated'").unwrap();
    store
        .execute("UPDATE accounts SET password_hash = NULL WHERE username = 'passwordless'")
        .unwrap();
    deployment
}

fn request_to_be_refused(name: &str) -> SignInRequest {
    if name == "wrong" { guess(name) } else { by_name(name) }
}

#[test]
fn a_password_over_1024_bytes_is_refused_before_any_account_is_looked_up() {
    let deployment = Deployment::new();
    let node = deployment.node();
    deployment.database.store().execute("ALTER TABLE accounts RENAME TO hidden").unwrap();
    let (longest, too_long) = ("x".repeat(1024), "x".repeat(1025));
    let refused = node.sign_in.sign_in(&typing("ada", &too_long));
    assert!(matches!(refused, Err(SignInError::PasswordTooLong)));
    let looked_up = node.sign_in.sign_in(&typing("ada", &longest));
    assert!(matches!(looked_up, Err(SignInError::Store(_))), "{looked_up:?}");
}

/// Works with a node whose hashing pool has no room.
pub(crate) fn while_overloaded(deployment: &Deployment, work: impl FnOnce(&Node)) {
    let pool = PoolSettings { threads: 1, queue: 1, ..pool() };
    let node = deployment.node_over(Arc::new(deployment.database.store().clone()), pool);
    let address = samples::origin().address;
    let (release, released) = channel::<()>();
    let (started, starts) = channel();
    thread::scope(|scope| {
        let occupy = move |_: &Hasher, _: &mut Scratch| {
            started.send(()).unwrap();
            for () in released {}
        };
        scope.spawn(|| node.hashing.run(address, occupy));
        starts.recv().unwrap();
        scope.spawn(|| node.hashing.run(address, |_, _| ()));
        while node.hashing.waiting() == 0 {
            thread::yield_now();
        }
        work(&node);
        drop(release);
    });
}

#[test]
fn an_attempt_for_which_there_is_no_room_is_told_so_and_not_counted() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    while_overloaded(&deployment, |node| {
        for request in [by_name("ada"), guess("ada"), guess("nobody")] {
            let shed = node.sign_in.sign_in(&request);
            assert!(matches!(shed, Err(SignInError::Overloaded(_))), "{shed:?}");
        }
    });
    assert_eq!(deployment.count("sign_in_failures"), 0);
    assert_eq!(deployment.outcomes("sign_in"), [""; 0]);
}

#[test]
fn one_session_too_many_ends_the_oldest_and_its_tokens_at_once() {
    let mut deployment = Deployment::new();
    deployment.sessions.most_sessions = 2;
    deployment.enrol("ada");
    let node = deployment.node();
    let sessions = [0, 1, 2].map(|_| {
        deployment.pass(MINUTE);
        node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id
    });
    let revoked = sessions.map(|session| node.refuses(session));
    assert_eq!(revoked, [true, false, false]);
}

#[test]
fn a_session_lives_as_long_as_its_role_allows() {
    let mut deployment = Deployment::new();
    deployment.sessions.absolute_lifetime_by_role =
        [(Role::parse("msa").unwrap(), 12 * HOUR)].into_iter().collect();
    deployment.enrol("ada");
    let tokens = deployment.node().sign_in.sign_in(&by_name("ada")).unwrap().tokens;
    assert_eq!(tokens.session.expires_at, deployment.now() + 12 * HOUR);
    assert_eq!(tokens.refresh_expires_in, 12 * HOUR, "no token outlives its session");
}

/// A clock that stands still and counts its reads.
#[derive(Default)]
struct CountingClock(AtomicUsize);

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        samples::NOW
    }

    fn monotonic(&self) -> Duration {
        self.0.fetch_add(1, Ordering::SeqCst);
        Duration::ZERO
    }
}
