//! Contract of `AccountDirectoryStore`: the search of accounts.

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, AccountKind, Email, Role, Username};
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account_directory::{
    AccountDirectoryStore, AccountPage, AccountSearch, NamePrefix, SearchPosition,
};
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};

use crate::inspect::outcomes;
use crate::member::enrol_as;

const ALL: AccountSearch =
    AccountSearch { prefix: None, role: None, kind: None, is_active: None, after: None, most: 200 };

#[test]
fn pages_of_any_length_list_every_account_that_matches_once_and_in_order() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let accounts = people(store);
        let roles = [None, Some("msa"), Some("rn"), Some("nobody")];
        let kinds = [None, Some(AccountKind::User), Some(AccountKind::Developer)];
        let prefixes =
            [None, Some("a"), Some("Ad"), Some("ada@"), Some("ADA@EXAMPLE.ORG"), Some("%")];
        let mut found = 0;
        for prefix in prefixes {
            for (role, kind) in roles.into_iter().flat_map(|role| kinds.map(|kind| (role, kind))) {
                for is_active in [None, Some(true), Some(false)] {
                    let search = AccountSearch {
                        prefix: prefix.map(NamePrefix::of),
                        role: role.map(|role| Role::parse(role).unwrap()),
                        kind,
                        is_active,
                        ..ALL
                    };
                    let expected = expected(&accounts, &search);
                    for most in [1, 2, 7, 200] {
                        let search = AccountSearch { most, ..search.clone() };
                        assert_eq!(pages(store, search.clone()), expected, "{search:?}");
                    }
                    found += expected.len();
                }
            }
        }
        assert!(found > 100, "{found}");
    });
}

#[test]
fn a_name_in_another_script_or_letter_case_is_found_by_its_normal_form() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        for (name, address) in [("李娜", "x1"), ("zoë", "x2"), ("Zoe", "x3")] {
            enrol_named(store, name, &Account { email: email(address), ..samples::account("eve") });
        }
        for (text, names) in [
            ("李", &["李娜"][..]),
            ("ZO", &["zoe", "zoë"]),
            ("ｚｏｅ", &["zoe"]),
            ("zo\u{eb}", &["zoë"]),
        ] {
            let search = AccountSearch { prefix: Some(NamePrefix::of(text)), ..ALL };
            let found = pages(store, search);
            assert_eq!(found, names, "{text}");
        }
    });
}

#[test]
fn a_page_reads_a_limited_number_of_addresses_and_the_next_one_goes_on() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        fill(store, database.url(), 6_000);
        let zoe = Account { email: email("user9"), ..samples::account("zoe") };
        enrol_as(store, &Account { role: Role::parse("rn").unwrap(), ..zoe });
        let search = AccountSearch {
            prefix: Some(NamePrefix::of("user")),
            role: Some(Role::parse("rn").unwrap()),
            ..ALL
        };
        let first = page(store, &search);
        assert_eq!(first.accounts, []);
        let after = first.next.expect("5,000 of 6,001 addresses were read");
        assert!(matches!(after, SearchPosition::Email(_)), "{after:?}");
        let second = page(store, &AccountSearch { after: Some(after), ..search });
        assert_eq!(second.accounts[0].username.as_str(), "zoe");
        assert_eq!((second.accounts.len(), second.next), (1, None));
    });
}

#[test]
fn each_page_is_recorded() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        people(store);
        pages(store, AccountSearch { most: 10, ..ALL });
        assert_eq!(outcomes(store, "accounts_listed"), ["success 3"]);
    });
}

/// Accounts of several roles, kinds and states; of some only the address begins with `ada`.
fn people(store: &Store) -> Vec<Account> {
    let names = ["ada", "adam", "ad-a", "ada.b", "bob", "carl", "anna", "zed", "aaron", "Bea"];
    let mut accounts = Vec::new();
    for (number, name) in names.iter().flat_map(|name| [(0, name), (1, name), (2, name)]) {
        let seed = accounts.len();
        let name = format!("{name}{}", ["", "1", "2"][number]);
        let account = Account {
            email: if seed % 4 == 3 { email(&format!("ada{seed}")) } else { email(&name) },
            role: Role::parse(["msa", "rn", "msa"][seed % 3]).unwrap(),
            kind: AccountKind::ALL[seed % 5 % 3],
            is_active: seed % 7 > 1,
            ..samples::account("someone")
        };
        accounts.push(enrol_named(store, &name, &account));
    }
    accounts
}

fn enrol_named(store: &Store, name: &str, account: &Account) -> Account {
    let username = Username::parse(name).unwrap();
    let account = Account { id: samples::account("another").id, username, ..account.clone() };
    enrol_as(store, &account);
    account
}

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.org")).unwrap()
}

/// The names that the search should find, by a comparison with each account.
fn expected(accounts: &[Account], search: &AccountSearch) -> Vec<String> {
    let wanted: Vec<&Account> = accounts
        .iter()
        .filter(|account| search.role.as_ref().is_none_or(|role| *role == account.role))
        .filter(|account| search.kind.is_none_or(|kind| kind == account.kind))
        .filter(|account| search.is_active.is_none_or(|state| state == account.is_active))
        .collect();
    let begins = |text: &str, prefix: &Option<String>| {
        prefix.as_ref().is_some_and(|prefix| text.starts_with(prefix))
    };
    let by_name = |account: &Account| match &search.prefix {
        None => true,
        Some(prefix) => begins(account.username.as_str(), &prefix.username),
    };
    let by_email = |account: &Account| {
        search.prefix.as_ref().is_some_and(|prefix| begins(account.email.key(), &prefix.email))
    };
    let mut first: Vec<_> = wanted.iter().filter(|account| by_name(account)).collect();
    first.sort_by_key(|account| account.username.as_str().to_owned());
    let mut then: Vec<_> =
        wanted.iter().filter(|account| !by_name(account) && by_email(account)).collect();
    then.sort_by_key(|account| account.email.key().to_owned());
    first.into_iter().chain(then).map(|account| account.username.as_str().to_owned()).collect()
}

/// The user names of all pages.
fn pages(store: &Store, mut search: AccountSearch) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = page(store, &search);
        assert!(page.accounts.len() <= usize::try_from(search.most).unwrap());
        found.extend(page.accounts.iter().map(|account| account.username.as_str().to_owned()));
        search.after = page.next;
        if search.after.is_none() {
            return found;
        }
    }
}

fn page(store: &Store, search: &AccountSearch) -> AccountPage {
    let event = samples::event(EventKind::AccountsListed, Outcome::Success, NOW);
    store.search_accounts(search, &Effects::from(event)).unwrap()
}

/// Adds accounts of the role `msa` whose names and addresses begin with `user0`.
fn fill(store: &Store, url: &str, count: u32) {
    let (id, no, time) = if url.starts_with("postgres") {
        ("gen_random_uuid()", "false", "now()")
    } else {
        ("randomblob(16)", "0", "0")
    };
    store
        .execute(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 100000 UNION ALL SELECT i + 1 FROM n WHERE i < 99999 + {count})
             INSERT INTO accounts (id, username, username_skeleton, email, email_key, kind, role, is_active,
                 is_blocked, email_verified, password_must_change, created_at, updated_at, must_verify_email)
             SELECT {id}, 'user0' || i, 'user0' || i, 'user0' || i || '@example.org',
                 'user0' || i || '@example.org', 'user', 'msa', NOT {no}, {no}, {no}, {no}, {time}, {time}, {no}
             FROM n"
        ))
        .unwrap();
}
