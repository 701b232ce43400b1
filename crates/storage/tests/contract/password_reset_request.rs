//! Contract of `PasswordResetRequestStore`: every address costs the same statements, and gets few mails.

use std::cell::RefCell;
use std::time::Duration;

use diesel::connection::{InstrumentationEvent, set_default_instrumentation};
use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{AccountKind, SystemRandom};
use portcullis_flows::effects::{Effects, Message, Recipient};
use portcullis_flows::identity::mail_limit::{MailAllowance, MailLimit};
use portcullis_flows::identity::password_reset_request::{
    AddressHolder, AddressLookup, AddressState, PasswordResetRequestStore,
};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::retention::RetentionStore;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::count;
use crate::member::{counter, enrol};
use crate::outbox::claim;

const HOUR: Duration = Duration::from_secs(60 * 60);
const ALMOST_AN_HOUR: Duration = Duration::from_secs(60 * 60 - 1);
const SECOND: Duration = Duration::from_secs(1);
const MOST: u32 = 3;

#[test]
fn the_account_of_an_address_is_found_whatever_its_spelling() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let holder = |key, former_key| ask(store, key, former_key).account;
        let expected = AddressHolder {
            id: ada.id,
            email: ada.email.clone(),
            kind: AccountKind::User,
            is_active: true,
        };
        assert_eq!(holder("ada@example.org", None), Some(expected.clone()));
        assert_eq!(holder("grace@example.org", None), None);
        store.execute("UPDATE accounts SET email_key = 'ada@exämple.org'").unwrap();
        assert_eq!(holder("ada@xn--exmple-cua.org", Some("ada@exämple.org")), Some(expected));
        assert_eq!(holder("ada", None), None, "a user name is no address");
    });
}

#[test]
fn an_address_gets_three_mails_and_then_has_to_wait_for_an_hour_without_one() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let clock = database.clock();
        let passes = |address: &str| ask(store, address, None).is_within_limit;
        let ada = "ada@example.org";
        for minutes in [0, 59, 59] {
            clock.advance(minutes * 60 * SECOND);
            assert!(passes(ada));
        }
        clock.advance(ALMOST_AN_HOUR);
        assert!(!passes(ada), "a refused request prolongs nothing");
        assert!(passes("grace@example.org"));
        clock.advance(SECOND);
        assert_eq!([0; 4].map(|_| passes(ada)), [true, true, true, false]);
        clock.set(NOW - 2 * HOUR);
        assert!(passes(ada), "the clock was wrong");
    });
}

#[test]
fn of_thirty_requests_at_once_three_get_a_mail() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        enrol(store, "ada");
        let states = at_once(30, |_| ask(store, "ada@example.org", None));
        assert_eq!(states.iter().filter(|state| state.is_within_limit).count(), 3);
    });
}

thread_local! {
    static STATEMENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A difference in the work is a difference in time, which would tell whether the account exists.
#[test]
fn the_statements_are_the_same_for_every_address() {
    set_default_instrumentation(|| {
        Some(Box::new(|event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let text = query.to_string();
                let statement = text.split(" -- binds").next().unwrap_or_default().to_owned();
                STATEMENTS.with_borrow_mut(|statements| statements.push(statement));
            }
        }))
    })
    .unwrap();
    TestDatabase::on_both(|database| {
        let store = database.store();
        for name in ["known", "deactivated", "service", "limited"] {
            enrol(store, name);
        }
        for change in [
            "UPDATE accounts SET is_active = false WHERE username = 'deactivated'",
            "UPDATE accounts SET kind = 'service' WHERE username = 'service'",
        ] {
            store.execute(change).unwrap();
        }
        (0..MOST).for_each(|_| drop(ask(store, "limited@example.org", None)));
        let statements = |name: &str| {
            STATEMENTS.take();
            let rows = [count(store, "outbox"), count(store, "security_events")];
            STATEMENTS.take();
            ask(store, &format!("{name}@example.org"), None);
            let statements = STATEMENTS.take();
            let after = [count(store, "outbox"), count(store, "security_events")];
            assert_eq!(after, rows.map(|rows| rows + 1), "{name}");
            statements
        };
        let model = statements("known");
        assert!(model.len() >= 5, "{model:?}");
        for name in ["unknown", "deactivated", "service", "limited"] {
            assert_eq!(statements(name), model, "{name}");
        }
    });
}

#[test]
fn a_message_to_nobody_is_never_sent_and_goes_with_the_delivered_ones() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        ask(store, "nobody@example.org", None);
        assert_eq!(count(store, "outbox"), 1);
        assert!(claim(store, [1; 16], 10).is_empty());
        database.clock().advance(HOUR + SECOND);
        assert_eq!(store.remove_delivered_messages(HOUR, 10).unwrap(), 1);
        assert_eq!(store.remove_mail_allowances(HOUR, 10).unwrap(), 0, "its window just ended");
        database.clock().advance(HOUR);
        assert_eq!(store.remove_mail_allowances(HOUR, 10).unwrap(), 1);
        assert_eq!(store.remove_mail_allowances(HOUR, 10).unwrap(), 0);
        ask(store, "nobody@example.org", None);
        database.clock().set(NOW - 3 * HOUR);
        assert_eq!(store.remove_mail_allowances(HOUR, 10).unwrap(), 1, "the clock was wrong");
    });
}

fn ask(store: &Store, key: &str, former_key: Option<&str>) -> AddressState {
    let asked = RefCell::new(None);
    let effects = |state: &AddressState| {
        asked.replace(Some(state.clone()));
        let event = samples::event(EventKind::PasswordResetRequested, Outcome::Success, NOW);
        let recipient = match &state.account {
            Some(account) if state.is_within_limit && account.is_active => {
                Recipient::Address { email: account.email.clone(), account: Some(account.id) }
            }
            _ => Recipient::Nobody,
        };
        let message = Message::about(&event, recipient, Mail::ResetPassword, &SystemRandom);
        Effects { events: vec![event], messages: vec![message] }
    };
    let (counter, limit) = (counter(key), MailLimit::until_an_hour_without(MOST));
    let allowance = MailAllowance { counter, limit };
    let lookup = AddressLookup { key, former_key, allowance, effects: &effects };
    store.request_password_reset(&lookup).unwrap();
    asked.into_inner().unwrap()
}
