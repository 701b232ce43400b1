//! Addresses accepted under the former rule: each keeps its account, and none is merged.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, AccountId, Email, SystemRandom};
use portcullis_flows::identity::registration::{Creation, NewAccount, RegistrationStore};
use portcullis_flows::sign_in::{Identifier, SignInStore};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::member::enrol;

const WIDE: &str = "vic@\u{ff45}xample.org";
const SOFT: &str = "vic@exam\u{ad}ple.org";

#[test]
fn a_start_gives_addresses_of_the_former_rule_their_present_key() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        for (name, address) in [("wide", WIDE), ("umlaut", "Vic@EX\u{c4}MPLE.org")] {
            enrol_formerly(store, name, address);
        }
        store.migrate().unwrap();
        let keys = store.texts("SELECT email_key FROM accounts ORDER BY email_key").unwrap();
        assert_eq!(keys, ["vic@example.org", "vic@xn--exmple-cua.org"], "{database:?}");
        assert_eq!(store.former_email_keys().unwrap(), []);
        for typed in [WIDE, SOFT, "vic@example.org"] {
            assert_eq!(found(store, typed).as_deref(), Some("wide"), "{typed:?}");
        }
    });
}

#[test]
fn of_two_accounts_of_one_mailbox_the_older_gets_the_key_and_the_other_keeps_its_own() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let older = enrol_formerly(store, "older", WIDE);
        let newer = enrol_formerly(store, "newer", SOFT);
        (0..2).for_each(|_| drop(store.migrate().unwrap()));
        assert_eq!(found(store, WIDE).as_deref(), Some("older"));
        assert_eq!(found(store, "VIC@example.org").as_deref(), Some("older"));
        assert_eq!(found(store, SOFT).as_deref(), Some("newer"), "as it was typed");
        let [former] = store.former_email_keys().unwrap().try_into().unwrap();
        assert_eq!((former.account, former.username.as_str()), (newer.id, "newer"));
        assert_eq!((former.email.as_str(), former.taken_by.as_deref()), (SOFT, Some("older")));

        let third = Account { email: Email::parse(WIDE).unwrap(), ..samples::account("third") };
        assert_eq!(create(store, &third), Creation::EmailTaken);
        store.execute("DELETE FROM accounts WHERE username = 'older'").unwrap();
        store.migrate().unwrap();
        assert_eq!(found(store, "vic@example.org").as_deref(), Some("newer"));
        assert!(older.id != newer.id && store.former_email_keys().unwrap().is_empty());
    });
}

#[test]
fn an_address_that_could_not_be_registered_any_more_still_opens_its_account() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert!(Email::parse("Vic@xn--a.org").is_err());
        enrol_formerly(store, "strange", "Vic@xn--a.org");
        store.migrate().unwrap();
        assert_eq!(found(store, "vic@xn--a.org").as_deref(), Some("strange"), "{database:?}");
    });
}

#[test]
fn nodes_that_start_at_once_agree_who_gets_a_key() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for number in 0..20 {
            enrol_formerly(store, &format!("wide{number}"), &format!("{number}{WIDE}"));
            enrol_formerly(store, &format!("soft{number}"), &format!("{number}{SOFT}"));
        }
        at_once(8, |_| store.migrate().unwrap());
        let present = "SELECT count(*) FROM accounts WHERE email_key LIKE '%@example.org'";
        assert_eq!(store.number(present).unwrap(), 20);
        let former = store.former_email_keys().unwrap();
        assert_eq!(former.len(), 20);
        assert!(former.iter().all(|former| former.username.starts_with("soft")), "{database:?}");
    });
}

#[test]
fn a_stored_display_name_that_is_refused_by_now_is_not_shown() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        enrol(store, "ada");
        store.execute("UPDATE accounts SET display_name = '\u{3164}'").unwrap();
        let found = store.credentials(&Identifier::parse("ada")).unwrap().unwrap();
        assert_eq!(found.account.display_name, None);
    });
}

/// As the former rule kept it; each is a second younger than the one before.
fn enrol_formerly(store: &Store, name: &str, address: &str) -> Account {
    let before = u32::try_from(store.number("SELECT count(*) FROM accounts").unwrap()).unwrap();
    let id = AccountId::generate(NOW + before * Duration::from_secs(1), &SystemRandom);
    let account = Account { id, ..samples::account(name) };
    assert_eq!(create(store, &account), Creation::Done);
    let key = Email::former_key(address);
    let keep = format!(
        "UPDATE accounts SET email = '{address}', email_key = '{key}' WHERE username = '{name}'"
    );
    store.execute(&keep).unwrap();
    account
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

fn found(store: &Store, typed: &str) -> Option<String> {
    let found = store.credentials(&Identifier::parse(typed)).unwrap();
    found.map(|found| found.account.username.as_str().to_owned())
}
