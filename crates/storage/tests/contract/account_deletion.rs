//! Contract of `AccountChangeStore` for deletions, and of `ProfileStore`.

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, DisplayName, Role};
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::account_change::{
    AccountChange, AccountChangeResult, AccountChangeStore, AccountRuleResult, AccountState,
    AccountUpdate, ChangeKind, Refusal,
};
use portcullis_flows::identity::profile::{ProfileChange, ProfileResult, ProfileStore};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::sign_in::PasswordProof;
use portcullis_flows::sign_in::reauthentication::{CurrentProof, Reauthenticated};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::{count, outcomes};
use crate::mail_secret::send;
use crate::member::{REVOKED_FOR, SignIn, another_hash, counter, ended, enrol, fail, proof_of};
use crate::outbox::mail_to;

#[test]
fn a_deleted_account_leaves_its_entries_of_the_audit_log_and_nothing_else() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let session = SignIn::of(&ada, NOW).opened(store).session.id;
        let kept = SignIn::of(&grace, NOW).opened(store).session.id;
        for account in [&ada, &grace] {
            send(store, account, &Mail::ResetPassword, account.username.as_str());
        }
        for account in [&ada, &grace] {
            store.append_effects(mail_to(account, Mail::Test)).unwrap();
        }
        let before = tallies(store);
        let changed = delete(store, &ada, None);
        let AccountChangeResult::Done { revoked, .. } = changed else { panic!("{changed:?}") };
        assert_eq!(ended(&revoked), [session]);
        assert_eq!(store.account(ada.id).unwrap(), None);
        for (table, rows) in tallies(store) {
            assert_eq!(rows * 2, before[table], "{table} of {database:?}");
        }
        assert_eq!(count(store, "revocations"), 1);
        assert_eq!(outcomes(store, "account_deleted"), ["success 1"]);
        assert_eq!(outcomes(store, "registration"), ["success 2"]);
        let unknown = delete(store, &ada, None);
        assert!(matches!(unknown, AccountChangeResult::Unknown), "{unknown:?}");
        assert!(store.account(grace.id).unwrap().is_some());
        enrol(store, "ada");
        assert_eq!(SignIn::of(&ada, NOW).open(store), refused(), "the id is another one");
        assert_ne!(session, kept);
    });
}

#[test]
fn a_deletion_needs_the_password_of_that_moment() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let (right, former) = (proof_of(samples::password_hash()), proof_of(another_hash()));
        let inside = counter("inside a session");
        let password = |proof: PasswordProof| Reauthenticated {
            account: ada.clone(),
            proof: CurrentProof::Password(proof),
            counter: inside,
        };
        let changed = delete(store, &ada, Some(&password(former)));
        assert_refused(&changed, Outcome::Superseded);
        let policy = LockoutPolicy { free_failures: 0, ..LockoutPolicy::default() };
        fail(store, &inside, &policy, NOW);
        let changed = delete(store, &ada, Some(&password(right.clone())));
        assert_refused(&changed, Outcome::Locked);
        assert!(store.account(ada.id).unwrap().is_some());
        database.clock().advance(policy.longest_wait);
        let changed = delete(store, &ada, Some(&password(right.clone())));
        assert!(matches!(changed, AccountChangeResult::Done { .. }), "{changed:?}");
    });
}

#[test]
fn a_sign_in_that_races_with_the_deletion_neither_fails_nor_keeps_a_session() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for round in 0..5 {
            let ada = enrol(store, &format!("ada{round}"));
            at_once(12, |number| {
                if number == 6 {
                    drop(delete(store, &ada, None));
                } else {
                    drop(SignIn::of(&ada, NOW).open(store));
                }
            });
            assert_eq!(count(store, "sessions"), 0, "{database:?}");
        }
    });
}

#[test]
fn a_profile_changes_for_an_active_account_with_a_live_session_only() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let name = DisplayName::parse("Ada King").unwrap();
        let result = rename(store, &ada, Some(&name));
        let after = Account { display_name: Some(name.clone()), ..ada.clone() };
        let (before, done) = (Box::new(ada.clone()), Box::new(after.clone()));
        assert_eq!(result, ProfileResult::Done { before, after: done });
        assert_eq!(store.account(ada.id).unwrap(), Some(after.clone()));
        assert_eq!(outcomes(store, "profile_change"), ["success 1"]);
        let ProfileResult::Done { after, .. } = rename(store, &ada, None) else { panic!() };
        assert_eq!(after.display_name, None);
        store.execute("UPDATE accounts SET is_active = false").unwrap();
        assert_eq!(rename(store, &ada, Some(&name)), ProfileResult::NotEntitled);
        delete(store, &ada, None);
        assert_eq!(rename(store, &ada, Some(&name)), ProfileResult::NotEntitled);
    });
}

/// The rows of each table about accounts.
fn tallies(store: &Store) -> std::collections::BTreeMap<&'static str, i64> {
    let tables = ["accounts", "sessions", "refresh_tokens", "outbox", "mail_secrets"];
    tables.into_iter().map(|table| (table, count(store, table))).collect()
}

pub(crate) fn delete(
    store: &Store,
    account: &Account,
    reauthenticated: Option<&Reauthenticated>,
) -> AccountChangeResult {
    let rule = |state: &AccountState| {
        let kind = EventKind::AccountDeleted;
        let result = state.unproven.map_or(Ok(()), |outcome| Err(Refusal::NotProven(outcome)));
        let outcome = result.map_or_else(Refusal::outcome, |()| Outcome::Success);
        let event = samples::event(kind, outcome, NOW).about(account.id);
        let after = state.account.clone();
        let update = |()| AccountUpdate {
            after,
            tokens_valid_from: None,
            ends_sessions: Some(kind),
            password_hash: None,
            removes_factors: false,
            opens_counters: Vec::new(),
        };
        AccountRuleResult { result: result.map(update), effects: Box::new(|_| event.into()) }
    };
    let changed = store.change_account(&AccountChange {
        kind: ChangeKind::Deletion,
        account: account.id,
        principal: &samples::operator(),
        part: None,
        reauthenticated,
        revision: 0,
        administrators: &Role::parse("admin").unwrap(),
        rule: &rule,
        revoked_for: REVOKED_FOR,
    });
    changed.unwrap()
}

fn rename(store: &Store, account: &Account, name: Option<&DisplayName>) -> ProfileResult {
    let principal = samples::principal(account.id, account.role.as_str());
    let effects = |result: &ProfileResult| match result {
        ProfileResult::Done { .. } => {
            samples::event(EventKind::ProfileChange, Outcome::Success, NOW).into()
        }
        ProfileResult::NotEntitled => Effects::default(),
    };
    let change = ProfileChange {
        account: account.id,
        principal: &principal,
        display_name: name,
        effects: &effects,
    };
    store.change_profile(&change).unwrap()
}

fn refused() -> portcullis_flows::sign_in::SessionOpeningResult {
    portcullis_flows::sign_in::SessionOpeningResult::Refused(Outcome::Superseded)
}

fn assert_refused(changed: &AccountChangeResult, outcome: Outcome) {
    let expected = Refusal::NotProven(outcome);
    assert!(
        matches!(changed, AccountChangeResult::Refused(refusal) if *refusal == expected),
        "{changed:?}"
    );
}
