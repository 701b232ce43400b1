//! Contract of `DisavowalStore`: a link blocks one account, once, and the earlier address wins.

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, Email, SystemRandom};
use portcullis_flows::effects::{Effects, Message, Recipient};
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::disavowal::{DisavowalResult, DisavowalStore, DisavowalUpdate};
use portcullis_flows::identity::password_reset::PasswordResetResult;
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{
    Attempt, AttemptResult, MailSecretStore, NewSecret, OutboxStore,
};
use portcullis_flows::node::retention::RetentionStore;
use portcullis_flows::sign_in::SessionOpeningResult;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::Digest;

use crate::inspect::{count, ends, live_sessions, outcomes};
use crate::mail_secret::{LIFETIME, send};
use crate::member::{SignIn, another_hash, ended, ending, enrol};
use crate::outbox::{ADDRESS, claim};
use crate::password_change::change;
use crate::password_reset::reset;

const SUPERSEDED: DisavowalResult = DisavowalResult::Refused(Outcome::Superseded);
const ALERT: Mail = Mail::PasswordChanged { address: ADDRESS };

#[test]
fn a_disavowal_ends_everything_and_blocks_sign_in_until_a_reset() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let session = SignIn::of(&ada, NOW).opened(store).session.id;
        SignIn::of(&grace, NOW).opened(store);
        let of_a_thief =
            "UPDATE accounts SET allowed_networks = '198.51.100.0/24' WHERE username = 'ada'";
        store.execute(of_a_thief).unwrap();
        alert(store, &ada, ada.email.as_str(), "not me");
        send(store, &ada, &Mail::ResetPassword, "reset link of before");
        let done = disavow(store, &ada, "not me");
        let DisavowalResult::Done { before, after, has_address, revoked } = done else {
            panic!("{done:?}");
        };
        assert_eq!((ended(&revoked), has_address), (vec![session], true));
        assert_eq!((before.is_blocked, before.email_verified), (false, false));
        assert_eq!(after.allowed_networks, before.allowed_networks, "a mailbox does not lift it");
        assert_eq!((after.is_blocked, after.email_verified), (true, true));
        assert_eq!(store.account(ada.id).unwrap(), Some(*after));
        let epochs = "SELECT username || ' ' || password_epoch FROM accounts ORDER BY username";
        assert_eq!(store.texts(epochs).unwrap(), ["ada 1", "grace 0"], "device cookies are void");
        assert_eq!((live_sessions(store), ends(store)), (1, vec!["disavowal 1".to_owned()]));
        let refused = SessionOpeningResult::Refused(Outcome::Superseded);
        assert_eq!(SignIn::of(&ada, NOW).open(store), refused);
        assert!(matches!(
            reset(store, &ada, "reset link of before"),
            PasswordResetResult::Refused(_)
        ));
        send(store, &ada, &Mail::ResetPassword, "reset link of after");
        let PasswordResetResult::Done { before, after, .. } =
            reset(store, &ada, "reset link of after")
        else {
            panic!("it is not reset");
        };
        assert_eq!((before.is_blocked, after.is_blocked), (true, false));
        assert_eq!(disavow(store, &ada, "not me"), SUPERSEDED, "it is spent");
        assert_eq!(outcomes(store, "disavowal"), ["success 1", "superseded 1"]);
    });
}

#[test]
fn every_alert_has_a_link_of_its_own_that_outlives_a_change_of_the_password() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        for link in ["first", "second"] {
            alert(store, &ada, ada.email.as_str(), link);
        }
        let session = SignIn::of(&ada, NOW).opened(store).session.id;
        change(store, &ada, session, &another_hash());
        assert_eq!(store.account_of_alert(&Digest::of("first")).unwrap(), Some(ada.id));
        assert_eq!(disavow(store, &grace, "second"), SUPERSEDED, "of another account");
        assert!(is_done(&disavow(store, &ada, "first")));
        alert(store, &ada, ada.email.as_str(), "late");
        database.clock().advance(LIFETIME);
        assert_eq!(disavow(store, &ada, "late"), SUPERSEDED);
        assert_eq!(store.account_of_alert(&Digest::of("late")).unwrap(), None);
        assert!(!store.account(grace.id).unwrap().unwrap().is_blocked);
    });
}

#[test]
fn a_deactivated_account_stays_as_it_is() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        alert(store, &ada, ada.email.as_str(), "not me");
        store.execute("UPDATE accounts SET is_active = false").unwrap();
        let refused = DisavowalResult::Refused(Outcome::Deactivated);
        assert_eq!(disavow(store, &ada, "not me"), refused);
        assert_eq!(store.account(ada.id).unwrap().map(|ada| ada.is_blocked), Some(false));
    });
}

#[test]
fn of_thirty_uses_at_once_one_blocks_the_account() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        alert(store, &ada, ada.email.as_str(), "not me");
        let results = at_once(30, |_| disavow(store, &ada, "not me"));
        assert_eq!(results.iter().filter(|result| is_done(result)).count(), 1);
        assert_eq!(outcomes(store, "disavowal"), ["success 1", "superseded 29"]);
    });
}

/// The owner had the first address; a thief replaced it by the second one, and that by the third.
#[test]
fn the_first_address_takes_the_account_back_whoever_follows_a_link_first() {
    for order in [["owner", "thief"], ["thief", "owner"]] {
        TestDatabase::on_both(|database| {
            let store = database.store();
            let ada = stolen(store);
            let results = order.map(|link| disavow(store, &ada, link));
            assert!(is_done(&results[0]));
            assert_eq!(is_done(&results[1]), order[1] == "owner", "{order:?}");
            let account = store.account(ada.id).unwrap().unwrap();
            assert_eq!(account.email, ada.email, "{order:?}");
            assert!(account.is_blocked && account.email_verified);
            assert_eq!(count(store, "former_emails"), 0);
            assert_eq!(disavow(store, &ada, "present"), SUPERSEDED);
        });
    }
}

#[test]
fn of_a_dispute_at_one_moment_the_first_address_wins_too() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for _ in 0..5 {
            let ada = stolen(store);
            at_once(3, |number| disavow(store, &ada, ["owner", "thief", "present"][number]));
            assert_eq!(store.account(ada.id).unwrap().unwrap().email, ada.email);
            store.execute("DELETE FROM accounts").unwrap();
        }
    });
}

/// A link to the present address would then give the account to the thief.
#[test]
fn an_address_that_another_account_has_now_is_not_taken_from_it() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = stolen(store);
        let grace = enrol(store, "grace");
        let take = "UPDATE accounts SET email = 'ada@example.org', email_key = 'ada@example.org'
                    WHERE username = 'grace'";
        store.execute(take).unwrap();
        let done = disavow(store, &ada, "owner");
        assert!(matches!(done, DisavowalResult::Done { has_address: false, .. }), "{done:?}");
        let account = store.account(ada.id).unwrap().unwrap();
        assert_eq!((account.email.as_str(), account.is_blocked), ("third@example.org", true));
        assert!(!account.email_verified);
        assert!(!store.account(grace.id).unwrap().unwrap().is_blocked);
    });
}

#[test]
fn a_former_address_is_forgotten_after_its_time() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        stolen(store);
        let remove = || store.remove_former_emails(LIFETIME, 10).unwrap();
        database.clock().advance(LIFETIME);
        assert_eq!(remove(), 0);
        database.clock().advance(LIFETIME);
        assert_eq!([remove(), remove()], [2, 0]);
    });
}

/// An account with its third address, and the links of alerts to each of them.
fn stolen(store: &Store) -> Account {
    let ada = enrol(store, "ada");
    for (address, link) in [
        ("ada@example.org", "owner"),
        ("second@example.org", "thief"),
        ("third@example.org", "present"),
    ] {
        alert(store, &ada, address, link);
    }
    for (position, address) in [(1, "ada@example.org"), (2, "second@example.org")] {
        store
            .execute(&format!(
                "INSERT INTO former_emails (account_id, email_key, position, replaced_at)
                 SELECT id, '{address}', {position}, created_at FROM accounts"
            ))
            .unwrap();
    }
    let change = "UPDATE accounts SET email = 'third@example.org', email_key = 'third@example.org'";
    store.execute(change).unwrap();
    ada
}

/// Delivers an alert to this address, with this secret.
#[test]
fn the_link_of_an_alert_about_a_list_of_networks_removes_the_list() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        store.execute("UPDATE accounts SET allowed_networks = '198.51.100.0/24'").unwrap();
        let mail = Mail::NetworksChanged { address: ADDRESS };
        alert_of(store, &ada, ada.email.as_str(), "not my list", mail);
        let done = disavow(store, &ada, "not my list");
        let DisavowalResult::Done { before, after, .. } = done else { panic!("{done:?}") };
        assert!(!before.allowed_networks.is_empty() && after.allowed_networks.is_empty());
        assert!(after.is_blocked);
        assert_eq!(disavow(store, &ada, "not my list"), SUPERSEDED);
    });
}

fn alert(store: &Store, account: &Account, address: &str, secret: &str) {
    alert_of(store, account, address, secret, ALERT);
}

fn alert_of(store: &Store, account: &Account, address: &str, secret: &str, mail: Mail) {
    let purpose = mail.purpose().unwrap();
    let event = samples::event(EventKind::PasswordChange, Outcome::Success, NOW).about(account.id);
    let (email, account) = (Email::parse(address).unwrap(), Some(account.id));
    let recipient = Recipient::Address { email, account };
    let message = Message::about(&event, recipient, mail, &SystemRandom);
    store.append_effects(Effects { events: vec![event], messages: vec![message] }).unwrap();
    let lease = [7; 16];
    let message = claim(store, lease, 1).remove(0);
    let new = NewSecret {
        purpose,
        subject: message.subject.unwrap(),
        digest: Digest::of(secret),
        lifetime: LIFETIME,
    };
    let hold = LIFETIME;
    let begin = Attempt { message: &message, lease: &lease, hold, secret: Some(new) };
    assert!(store.begin_attempt(&begin).unwrap());
    assert!(store.end_attempt(message.id, &lease, &AttemptResult::Delivered).unwrap());
    let found = store.find_mail_secret(purpose, &Digest::of(secret)).unwrap();
    assert_eq!(found.map(|found| found.address.as_str().to_owned()).as_deref(), Some(address));
}

fn disavow(store: &Store, account: &Account, link: &str) -> DisavowalResult {
    let kind = EventKind::Disavowal;
    let effects = |result: &DisavowalResult| {
        let outcome = match result {
            DisavowalResult::Done { .. } => Outcome::Success,
            DisavowalResult::Refused(outcome) => *outcome,
        };
        samples::event(kind, outcome, NOW).about(account.id).into()
    };
    let update = DisavowalUpdate {
        secret: &Digest::of(link),
        account: account.id,
        ending: ending(kind, NOW),
        effects: &effects,
    };
    store.disavow(&update).unwrap()
}

fn is_done(result: &DisavowalResult) -> bool {
    matches!(result, DisavowalResult::Done { .. })
}
