//! Contract of `RegistrationStore`.

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, DisplayName, Email, Username};
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::registration::{Creation, NewAccount, RegistrationStore};
use portcullis_flows::sign_in::{Identifier, SignInStore, StoredPassword};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::{count, outcomes};

#[test]
fn a_new_account_is_stored_as_given_and_recorded() {
    TestDatabase::on_both(|database| {
        let account = Account {
            display_name: Some(DisplayName::parse("Ada Ångström").unwrap()),
            email: Email::parse("Ada@Example.ORG").unwrap(),
            ..samples::account("ada")
        };
        assert_eq!(create(database.store(), &account), Creation::Done);
        assert_eq!(database.store().account(account.id).unwrap(), Some(account));
        assert_eq!(outcomes(database.store(), "registration"), ["success 1"]);
    });
}

#[test]
fn an_account_may_have_no_password() {
    TestDatabase::on_both(|database| {
        let account = samples::account("ada");
        let event = samples::event(EventKind::Registration, Outcome::Success, NOW);
        let new = NewAccount {
            account: &account,
            password_hash: None,
            revision: 0,
            effects: &event.into(),
            must_verify_email: false,
        };
        assert_eq!(database.store().create(&new).unwrap(), Creation::Done);
        let name = Identifier::Username(account.username.clone());
        let found = database.store().credentials(&name).unwrap().unwrap();
        assert_eq!(found.account, account);
        assert!(matches!(found.password, StoredPassword::None));
    });
}

#[test]
fn a_taken_name_look_alike_or_email_is_refused_and_leaves_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(create(store, &samples::account("paypal")), Creation::Done);
        let refused = [
            (with("paypal", "new@example.org"), Creation::UsernameTaken),
            (with("PayPal", "new@example.org"), Creation::UsernameTaken),
            (with("pаypаl", "new@example.org"), Creation::UsernameTaken),
            (with("somebody", "paypal@example.org"), Creation::EmailTaken),
            (with("somebody", "PayPal@Example.org"), Creation::EmailTaken),
            (with("paypal", "paypal@example.org"), Creation::UsernameTaken),
        ];
        for (account, reason) in refused {
            assert_eq!(create(store, &account), reason, "{account:?}");
        }
        assert_eq!(count(store, "accounts"), 1);
        assert_eq!(count(store, "security_events"), 1);
        assert_eq!(create(store, &with("somebody", "new@example.org")), Creation::Done);
    });
}

#[test]
fn thirty_registrations_of_one_name_at_once_make_one_account() {
    one_winner(Creation::UsernameTaken, |number| with("ada", &format!("{number}@example.org")));
}

#[test]
fn thirty_registrations_of_look_alikes_at_once_make_one_account() {
    one_winner(Creation::UsernameTaken, |number| {
        with(&look_alike(number), &format!("{number}@example.org"))
    });
}

#[test]
fn thirty_registrations_of_one_email_at_once_make_one_account() {
    one_winner(Creation::EmailTaken, |number| {
        let email = if number % 2 == 0 { "ada@example.org" } else { "Ada@Example.Org" };
        with(&format!("ada{number}"), email)
    });
}

fn one_winner(loses_by: Creation, account: impl Fn(usize) -> Account + Sync) {
    TestDatabase::on_both_crowded(|database| {
        let mut created = at_once(30, |number| create(database.store(), &account(number)));
        created.sort_by_key(|creation| *creation != Creation::Done);
        let mut expected = [loses_by; 30];
        expected[0] = Creation::Done;
        assert_eq!(created, expected, "{database:?}");
        assert_eq!(count(database.store(), "accounts"), 1);
        assert_eq!(outcomes(database.store(), "registration"), ["success 1"]);
    });
}

/// The letters of `paypa`, each Latin or Cyrillic: 32 spellings that nobody can tell apart.
fn look_alike(number: usize) -> String {
    let letters = [('p', 'р'), ('a', 'а'), ('y', 'у'), ('p', 'р'), ('a', 'а')];
    let choose = |(bit, (latin, cyrillic))| if number >> bit & 1 == 0 { latin } else { cyrillic };
    letters.into_iter().enumerate().map(choose).chain(['l']).collect()
}

fn with(name: &str, email: &str) -> Account {
    Account {
        username: Username::parse(name).unwrap(),
        email: Email::parse(email).unwrap(),
        ..samples::account("somebody")
    }
}

fn create(store: &Store, account: &Account) -> Creation {
    let event = samples::event(EventKind::Registration, Outcome::Success, NOW).about(account.id);
    let hash = samples::password_hash();
    let new = NewAccount {
        account,
        password_hash: Some(&hash),
        revision: 0,
        effects: &event.into(),
        must_verify_email: false,
    };
    store.create(&new).unwrap()
}
