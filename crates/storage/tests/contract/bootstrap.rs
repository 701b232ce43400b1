//! Contract of `BootstrapStore`.

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, Role};
use portcullis_flows::identity::bootstrap::{BootstrapStore, SetupResult};
use portcullis_flows::identity::registration::{Creation, NewAccount, RegistrationStore};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::Digest;

use crate::inspect::{count, outcomes};
use crate::member::enrol;

const DONE: SetupResult = SetupResult::Tried(Creation::Done);

#[test]
fn setup_is_awaited_until_there_is_an_administrator() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        enrol(store, "ada");
        assert!(awaits(store));
        assert_eq!(set_up(store, None, &admin("root")), DONE);
        assert!(!awaits(store));
        assert_eq!(outcomes(store, "bootstrap"), ["success 1"]);
    });
}

#[test]
fn only_the_token_on_offer_sets_up_and_only_once() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(
            set_up(store, Some("token"), &admin("thief")),
            SetupResult::Closed,
            "none on offer"
        );
        offer(store, "first");
        offer(store, "second");
        assert_eq!(set_up(store, Some("first"), &admin("thief")), SetupResult::Closed, "replaced");
        assert_eq!(set_up(store, Some("second"), &admin("owner")), DONE);
        assert_eq!(set_up(store, Some("second"), &admin("thief")), SetupResult::Closed, "used up");
        assert_eq!(admins(store), ["owner"]);
    });
}

#[test]
fn a_name_that_is_taken_leaves_the_token_usable() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        enrol(store, "ada");
        offer(store, "token");
        let taken = SetupResult::Tried(Creation::UsernameTaken);
        assert_eq!(set_up(store, Some("token"), &admin("ada")), taken);
        assert!(awaits(store));
        assert_eq!(set_up(store, Some("token"), &admin("owner")), DONE);
    });
}

#[test]
fn setup_is_over_for_ever_even_when_its_administrator_is_gone() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(set_up(store, None, &admin("owner")), DONE);
        store.execute("DELETE FROM accounts").unwrap();
        offer(store, "token");
        assert!(!awaits(store));
        for token in [None, Some("token")] {
            assert_eq!(set_up(store, token, &admin("thief")), SetupResult::Closed, "{token:?}");
        }
        assert_eq!(count(store, "accounts"), 0);
    });
}

#[test]
fn an_administrator_made_otherwise_ends_setup() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        offer(store, "token");
        let event = samples::event(EventKind::AccountCreated, Outcome::Success, NOW);
        let new = NewAccount {
            account: &admin("made"),
            password_hash: Some(&samples::password_hash()),
            revision: 0,
            effects: &event.into(),
            must_verify_email: false,
        };
        let made = store.create(&new).unwrap();
        assert_eq!(made, Creation::Done);
        assert!(!awaits(store));
        for token in [Some("token"), None] {
            assert_eq!(set_up(store, token, &admin("thief")), SetupResult::Closed, "{token:?}");
        }
        assert_eq!(admins(store), ["made"]);
    });
}

#[test]
fn twenty_who_set_up_at_once_make_one_administrator() {
    for token in [None, Some("token")] {
        TestDatabase::on_both_crowded(|database| {
            let store = database.store();
            offer(store, "token");
            let set_up =
                at_once(20, |number| set_up(store, token, &admin(&format!("root{number}"))));
            let done = set_up.iter().filter(|verdict| **verdict == DONE).count();
            let closed = set_up.iter().filter(|verdict| **verdict == SetupResult::Closed).count();
            assert_eq!((done, closed), (1, 19), "{database:?}");
            assert_eq!(admins(store).len(), 1);
            assert_eq!(outcomes(store, "bootstrap"), ["success 1"]);
        });
    }
}

#[test]
fn a_token_that_is_replaced_while_it_is_used_either_worked_or_never_will() {
    TestDatabase::on_both_crowded(|database| {
        for round in 0..5 {
            let store = database.store();
            store.execute("DELETE FROM accounts; DELETE FROM setup").unwrap();
            offer(store, "old");
            let verdicts = at_once(20, |number| {
                if number == 10 {
                    offer(store, "new");
                    return SetupResult::Closed;
                }
                set_up(store, Some("old"), &admin(&format!("root{number}")))
            });
            let done = verdicts.iter().filter(|verdict| **verdict == DONE).count();
            assert!(done <= 1, "round {round} of {database:?}");
            assert_eq!(admins(store).len(), done);
            assert_eq!(set_up(store, Some("old"), &admin("thief")), SetupResult::Closed);
            let expected = if done == 1 { SetupResult::Closed } else { DONE };
            assert_eq!(set_up(store, Some("new"), &admin("owner")), expected);
        }
    });
}

fn awaits(store: &Store) -> bool {
    store.awaits_setup(&Role::parse("admin").unwrap()).unwrap()
}

fn offer(store: &Store, token: &str) {
    store.offer_setup(&Digest::of(token), NOW).unwrap();
}

fn set_up(store: &Store, token: Option<&str>, account: &Account) -> SetupResult {
    let event = samples::event(EventKind::Bootstrap, Outcome::Success, NOW).about(account.id);
    let token = token.map(Digest::of);
    let hash = samples::password_hash();
    let new = NewAccount {
        account,
        password_hash: Some(&hash),
        revision: 0,
        effects: &event.into(),
        must_verify_email: false,
    };
    store.set_up(token.as_ref(), &new).unwrap()
}

fn admin(name: &str) -> Account {
    Account { role: Role::parse("admin").unwrap(), ..samples::account(name) }
}

fn admins(store: &Store) -> Vec<String> {
    store.texts("SELECT username FROM accounts WHERE role = 'admin'").unwrap()
}
