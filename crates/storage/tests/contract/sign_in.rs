//! Contract of `SignInStore`.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, DisplayName, SessionId, Username};
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::sign_in::{Identifier, Proof, SessionOpeningResult, SignInStore};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::Digest;

use crate::inspect::{count, ends, live_sessions, outcomes};
use crate::member::{
    SignIn, another_hash, end_session, ended, enrol, hash, hash_of, proof_of, renew,
};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn credentials_are_found_by_the_exact_name_or_by_the_email_in_any_case() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "paypal");
        let find = |identifier| {
            let found = database.store().credentials(&identifier).unwrap();
            found.map(|found| (found.account.clone(), hash(&found).as_str().to_owned()))
        };
        let expected = Some((ada.clone(), samples::password_hash().as_str().to_owned()));
        assert_eq!(find(Identifier::Username(ada.username)), expected);
        assert_eq!(find(Identifier::parse(ada.email.as_str())), expected);
        assert_eq!(find(Identifier::parse("PayPal@EXAMPLE.org")), expected);
        assert_eq!(find(Identifier::Username(Username::parse("pаypal").unwrap())), None);
        assert_eq!(find(Identifier::parse("pay@example.org")), None);
        assert_eq!(find(Identifier::Unusable("paypal".to_owned())), None);
    });
}

#[test]
fn opening_writes_the_session_its_first_token_the_time_and_the_event() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let device_name = Some(DisplayName::parse("Ada's laptop").unwrap());
        SignIn { device_name, ..SignIn::bound(&ada, NOW + MINUTE, "cookie") }.opened(store);
        let tables = "sessions s JOIN refresh_tokens t ON t.session_id = s.id
                      AND t.id = s.current_token JOIN security_events e ON e.session_id = s.id";
        let whole = "s.delivery = 'cookie' AND s.device_name = 'Ada''s laptop'
                     AND s.binding IS NOT NULL AND s.ended_at IS NULL AND t.parent_id IS NULL
                     AND t.address = '192.0.2.7' AND t.user_agent = 'samples/1'
                     AND s.amr = 'pwd' AND s.acr = 'aal1' AND e.subject = s.account_id";
        assert_eq!(count(store, &format!("{tables} WHERE {whole}")), 1);
        assert_eq!(outcomes(store, "sign_in"), ["success 1"]);
        let seen = store.account(ada.id).unwrap().unwrap().last_sign_in_at;
        assert_eq!(seen, Some(NOW + MINUTE));
    });
}

#[test]
fn an_account_that_changed_since_its_password_was_checked_is_not_signed_in() {
    for change in ["is_active = false", "password_hash = NULL", "password_hash = 'replaced'"] {
        TestDatabase::on_both(|database| {
            let ada = enrol(database.store(), "ada");
            database.store().execute(&format!("UPDATE accounts SET {change}")).unwrap();
            let sign_in = SignIn::of(&ada, NOW);
            let refused = SessionOpeningResult::Refused(Outcome::Superseded);
            assert_eq!(sign_in.open(database.store()), refused, "{change}");
            refused_as("superseded 1", database.store());
        });
    }
}

#[test]
fn one_void_proof_among_others_opens_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let (good, void) = (samples::password_hash(), another_hash());
        for hashes in [[&good, &void], [&void, &good]] {
            let proofs = hashes.map(|hash| Proof::Password(proof_of(hash.clone()))).into();
            let opened = SignIn { proofs, ..SignIn::of(&ada, NOW) }.open(store);
            assert_eq!(opened, SessionOpeningResult::Refused(Outcome::Superseded));
        }
        let proofs = [&good, &good].map(|hash| Proof::Password(proof_of(hash.clone()))).into();
        SignIn { proofs, ..SignIn::of(&ada, NOW) }.opened(store);
        assert_eq!(outcomes(store, "sign_in"), ["success 1", "superseded 2"]);
    });
}

#[test]
fn an_account_that_was_deleted_since_its_password_was_checked_is_not_signed_in() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "ada");
        database.store().execute("DELETE FROM accounts").unwrap();
        let refused = SessionOpeningResult::Refused(Outcome::Superseded);
        assert_eq!(SignIn::of(&ada, NOW).open(database.store()), refused);
        refused_as("superseded 1", database.store());
    });
}

/// The refusal is recorded, and is all that was written.
fn refused_as(outcome: &str, store: &Store) {
    assert_eq!(outcomes(store, "sign_in"), [outcome]);
    assert_eq!(count(store, "sessions"), 0);
    assert_eq!(count(store, "refresh_tokens"), 0);
    assert_eq!(count(store, "accounts WHERE last_sign_in_at IS NOT NULL"), 0);
}

#[test]
fn a_renewed_hash_takes_the_place_of_the_checked_one_and_of_no_other() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        renew(store, &ada, &samples::password_hash(), &another_hash());
        assert_eq!(hash_of(store, &ada), another_hash().as_str());
        assert_eq!(hash_of(store, &grace), samples::password_hash().as_str());
        renew(store, &ada, &samples::password_hash(), &samples::password_hash());
        assert_eq!(hash_of(store, &ada), another_hash().as_str(), "it was replaced meanwhile");
        assert_eq!(outcomes(store, "password_rehashed"), ["success 1"], "what is done is recorded");
    });
}

#[test]
fn one_session_too_many_ends_the_oldest() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let three = [0, 1, 2].map(|minute| limited(&ada, minute, 3).opened(store).session.id);
        let fourth = limited(&ada, 3, 3);
        assert_eq!(displaced_by(&fourth, store), three[..1]);
        assert_eq!(live_sessions(store), 3);
        let lower_limit = limited(&ada, 4, 1);
        assert_eq!(displaced_by(&lower_limit, store), [three[1], three[2], fourth.session.id]);
        assert_eq!(live_sessions(store), 1);
        assert_eq!(ends(store), ["session_displaced 4"]);
        let told = "SELECT count(*) FROM security_events e JOIN sessions s ON s.id = e.session_id
                    WHERE e.kind = 'session_displaced' AND s.end_reason = e.kind";
        assert_eq!(store.number(told).unwrap(), 4, "each has an event of its own");
    });
}

#[test]
fn a_sign_in_ends_the_session_that_its_browser_had_and_no_other() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let [spared, first] =
            ["elsewhere", "first"].map(|cookie| SignIn::bound(&ada, NOW, cookie).opened(store));
        let after = |account: &Account, cookie: &str, former: &str| SignIn {
            former_binding: Some(Digest::of(former)),
            most_sessions: 2,
            ..SignIn::bound(account, NOW + MINUTE, cookie)
        };
        let second = after(&ada, "second", "first");
        assert_eq!(displaced_by(&second, store), [first.session.id], "it takes no place either");
        assert_eq!(displaced_by(&after(&ada, "third", "unknown"), store), [spared.session.id]);
        let of_another = after(&grace, "fourth", "second").open(store);
        let SessionOpeningResult::Done { displaced, replaced, .. } = of_another else {
            panic!("{of_another:?}")
        };
        assert_eq!(ended(&displaced), [second.session.id]);
        assert_eq!(replaced, Some((ada.id, second.session.id)));
        assert_eq!(live_sessions(store), 2);
    });
}

#[test]
fn a_refused_sign_in_ends_no_session_of_its_browser() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        SignIn::bound(&ada, NOW, "first").opened(store);
        let refused = SignIn {
            former_binding: Some(Digest::of("first")),
            proofs: vec![Proof::Password(proof_of(another_hash()))],
            ..SignIn::bound(&ada, NOW, "second")
        };
        assert!(matches!(refused.open(store), SessionOpeningResult::Refused(_)));
        assert_eq!(live_sessions(store), 1);
    });
}

#[test]
fn a_sign_in_of_a_node_whose_clock_is_behind_does_not_displace_itself() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let [oldest, ..] = [5, 6].map(|minute| limited(&ada, minute, 2).opened(store).session.id);
        assert_eq!(displaced_by(&limited(&ada, 0, 2), store), [oldest]);
    });
}

#[test]
fn sessions_that_ended_expired_or_belong_to_others_make_no_session_too_many() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        limited(&grace, 0, 1).opened(store);
        let mut expiring = limited(&ada, 0, 1);
        expiring.session.expires_at = NOW + MINUTE;
        expiring.opened(store);
        let second = limited(&ada, 1, 1).opened(store);
        let event = samples::event(EventKind::SignOut, Outcome::Success, NOW + MINUTE);
        end_session(store, second.session.id, &event);
        limited(&ada, 2, 1).opened(store);
    });
}

#[test]
fn thirty_sign_ins_at_once_leave_as_many_sessions_as_an_account_may_have() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let displaced = at_once(30, |_| {
            let displaced = displaced_by(&SignIn::of(&ada, NOW), store);
            assert!(live_sessions(store) <= 10, "not even for a moment");
            displaced
        });
        let displaced: BTreeSet<SessionId> = displaced.into_iter().flatten().collect();
        assert_eq!(displaced.len(), 20, "each session is displaced once: {database:?}");
        assert_eq!(live_sessions(store), 10);
        assert_eq!(ends(store), ["session_displaced 20"]);
        assert_eq!(outcomes(store, "sign_in"), ["success 30"]);
    });
}

/// Of that minute, where so many sessions are allowed.
fn limited(account: &Account, minute: u32, most_sessions: u32) -> SignIn {
    SignIn { most_sessions, ..SignIn::of(account, NOW + minute * MINUTE) }
}

/// The sessions that end when this one is opened, the oldest first.
fn displaced_by(sign_in: &SignIn, store: &Store) -> Vec<SessionId> {
    let opened = sign_in.open(store);
    let SessionOpeningResult::Done { displaced, .. } = opened else { panic!("{opened:?}") };
    ended(&displaced)
}

#[test]
fn a_list_of_networks_that_changed_since_its_check_opens_no_session() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let seen = |networks: &str| SignIn {
            networks: networks.parse().unwrap(),
            ..SignIn::of(&ada, NOW)
        };
        let superseded = SessionOpeningResult::Refused(Outcome::Superseded);
        assert_eq!(seen("192.0.2.0/24").open(store), superseded);
        seen("").opened(store);
        store.execute("UPDATE accounts SET allowed_networks = '192.0.2.0/24'").unwrap();
        assert_eq!(seen("").open(store), superseded);
        assert_eq!(seen("192.0.2.0/25").open(store), superseded);
        seen("192.0.2.0/24").opened(store);
    });
}

#[test]
fn a_damaged_list_of_networks_allows_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for damaged in ["", " ", "office", "192.0.2.1/24"] {
            store.execute(&format!("UPDATE accounts SET allowed_networks = '{damaged}'")).unwrap();
            assert!(store.account(ada.id).is_err(), "{damaged:?}");
        }
    });
}
