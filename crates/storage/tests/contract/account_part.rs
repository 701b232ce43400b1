//! Contract of `AccountChangeStore` for a part of an account: one session, one API key, the failure counters.

use portcullis_audit::{Details, EventKind, Outcome};
use portcullis_domain::{Account, AccountId, ApiKeyId, DisplayName, Role, SessionId, SystemRandom};
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::account_change::{
    AccountChange, AccountChangeResult, AccountChangeStore, AccountPart, AccountRuleResult,
    AccountState, AccountUpdate, ChangeKind, Refusal,
};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::{count, ends, live_sessions, outcomes};
use crate::member::{REVOKED_FOR, SESSION_LIFETIME, SignIn, at, counter, ended, enrol, fail};

#[test]
fn one_session_of_an_account_ends_once_and_no_other_one() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let sessions = [0; 3].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        let other = SignIn::of(&grace, NOW).opened(store).session.id;
        for unknown in [other, SessionId::generate(NOW, &SystemRandom)] {
            let unknown = end(store, ada.id, unknown, Ok(()));
            assert!(matches!(unknown, AccountChangeResult::Unknown), "{unknown:?}");
        }
        let refused = end(store, ada.id, sessions[1], Err(Refusal::AboveOwnRole));
        assert!(matches!(refused, AccountChangeResult::Refused(_)), "{refused:?}");
        assert_eq!((live_sessions(store), count(store, "revocations")), (4, 0));

        let results = at_once(8, |_| end(store, ada.id, sessions[1], Ok(())));
        let mut done = results.iter().filter_map(|result| match result {
            AccountChangeResult::Done { revoked, .. } => Some(ended(revoked)),
            _ => None,
        });
        assert_eq!((done.next(), done.next()), (Some(vec![sessions[1]]), None));
        assert_eq!((live_sessions(store), count(store, "revocations")), (3, 1));
        assert_eq!(ends(store), ["session_ended 1"]);
        assert_eq!(outcomes(store, "session_ended"), ["against_rules 1", "success 1"]);
    });
}

#[test]
fn an_expired_session_is_none() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let session = SignIn::of(&ada, NOW).opened(store).session.id;
        let unknown = end(&at(store, NOW + SESSION_LIFETIME), ada.id, session, Ok(()));
        assert!(matches!(unknown, AccountChangeResult::Unknown), "{unknown:?}");
    });
}

#[test]
fn one_api_key_of_an_account_is_deleted_once_and_the_rule_learns_its_name() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let [first, second] = ["first", "second"].map(|name| {
            let id = ApiKeyId::generate(NOW, &SystemRandom);
            insert_key(&database, id, ada.id, name);
            id
        });
        let revoke = |account: AccountId, key: ApiKeyId| {
            let rule = |state: &AccountState| {
                let name = state.api_key_name.clone().expect("the rule learns the name");
                assert_eq!(name, DisplayName::parse("first").unwrap());
                let event = samples::event(EventKind::ApiKeyRevoked, Outcome::Success, NOW)
                    .with(Details::of_revoked_api_key(key, &name));
                AccountRuleResult {
                    result: Ok(update(state.account.clone())),
                    effects: Box::new(|_| event.into()),
                }
            };
            change(store, account, Some(AccountPart::ApiKey(key)), &rule)
        };
        let unknown = revoke(grace.id, first);
        assert!(matches!(unknown, AccountChangeResult::Unknown), "{unknown:?}");
        let results = at_once(8, |_| revoke(ada.id, first));
        let done = results.iter().filter(|it| matches!(it, AccountChangeResult::Done { .. }));
        assert_eq!(done.count(), 1);
        let left = store.texts("SELECT name FROM api_keys").unwrap();
        assert_eq!(
            (left, outcomes(store, "api_key_revoked")),
            (vec!["second".to_owned()], vec!["success 1".to_owned()])
        );
        assert_ne!(first, second);
    });
}

#[test]
fn the_named_counters_open_and_the_block_is_lifted() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let counters = ["strangers", "devices", "codes", "another"].map(counter);
        for counter in &counters {
            fail(store, counter, &LockoutPolicy::default(), NOW);
        }
        store.execute("UPDATE accounts SET is_blocked = (username = 'ada')").unwrap();
        let unlock = |result: Result<(), Refusal>| {
            let rule = |state: &AccountState| {
                let after = Account { is_blocked: false, ..state.account.clone() };
                let opens_counters = counters[..3].to_vec();
                AccountRuleResult {
                    result: result.map(|()| AccountUpdate { opens_counters, ..update(after) }),
                    effects: Box::new(|_| {
                        samples::event(EventKind::Unlock, Outcome::Success, NOW).into()
                    }),
                }
            };
            change(store, ada.id, None, &rule)
        };
        unlock(Err(Refusal::OwnAccount));
        assert_eq!(count(store, "sign_in_failures"), 4);
        assert!(store.account(ada.id).unwrap().unwrap().is_blocked);
        unlock(Ok(()));
        assert_eq!(count(store, "sign_in_failures"), 1);
        assert!(!store.account(ada.id).unwrap().unwrap().is_blocked);
    });
}

#[test]
fn the_rule_learns_whether_the_account_has_a_password() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for expected in [true, false] {
            let rule = |state: &AccountState| {
                assert_eq!(state.has_password, expected);
                AccountRuleResult {
                    result: Err(Refusal::NoPassword),
                    effects: Box::new(|_| portcullis_flows::effects::Effects::default()),
                }
            };
            change(store, ada.id, None, &rule);
            store.execute("UPDATE accounts SET password_hash = NULL").unwrap();
        }
    });
}

/// Ends a session, if the rule has this result.
fn end(
    store: &Store,
    account: AccountId,
    session: SessionId,
    result: Result<(), Refusal>,
) -> AccountChangeResult {
    let kind = EventKind::SessionEnded;
    let rule = |state: &AccountState| {
        let outcome = result.map_or_else(Refusal::outcome, |()| Outcome::Success);
        let event = samples::event(kind, outcome, NOW).about(state.account.id);
        let ending = AccountUpdate { ends_sessions: Some(kind), ..update(state.account.clone()) };
        AccountRuleResult { result: result.map(|()| ending), effects: Box::new(|_| event.into()) }
    };
    change(store, account, Some(AccountPart::Session(session)), &rule)
}

fn update(after: Account) -> AccountUpdate {
    AccountUpdate {
        after,
        tokens_valid_from: None,
        ends_sessions: None,
        password_hash: None,
        removes_factors: false,
        opens_counters: Vec::new(),
    }
}

fn change(
    store: &Store,
    account: AccountId,
    part: Option<AccountPart>,
    rule: &dyn Fn(&AccountState) -> AccountRuleResult,
) -> AccountChangeResult {
    let changed = store.change_account(&AccountChange {
        kind: ChangeKind::Update,
        account,
        principal: &samples::operator(),
        part,
        reauthenticated: None,
        revision: 0,
        administrators: &Role::parse("admin").unwrap(),
        rule,
        revoked_for: REVOKED_FOR,
    });
    changed.expect("the change reaches the database")
}

fn insert_key(database: &TestDatabase, id: ApiKeyId, account: AccountId, name: &str) {
    let is_sqlite = database.url().starts_with("sqlite:");
    let key = |id: String| {
        if is_sqlite { format!("x'{}'", id.replace('-', "")) } else { format!("'{id}'") }
    };
    let (sealed, at) = if is_sqlite { ("x'00'", "0") } else { ("'\\x00'", "now()") };
    let insert = format!(
        "INSERT INTO api_keys (id, account_id, name, sealed, created_at, expires_at)
         VALUES ({}, {}, '{name}', {sealed}, {at}, {at})",
        key(id.to_string()),
        key(account.to_string()),
    );
    database.store().execute(&insert).expect("the key is inserted");
}
