//! Contract of `AccountChangeStore`.

use std::time::Duration;

use portcullis_audit::{Actor, EventKind, Outcome};
use portcullis_domain::{Account, AccountId, Role, SystemRandom, Timestamp};
use portcullis_flows::access::matrix::{
    Activated, Activation, ActivationRequest, Added, MatrixStore,
};
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::account_change::{
    AccountChange, AccountChangeResult, AccountChangeStore, AccountRuleResult, AccountState,
    AccountUpdate, ChangeKind, Refusal,
};
use portcullis_flows::node::revocation::Revoked;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::{Revocation, RevocationEntry};

use crate::inspect::{count, ends, live_sessions, outcomes};
use crate::member::{REVOKED_FOR, SignIn, ended, enrol};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn another_role_voids_what_was_issued_before_and_ends_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        SignIn::of(&ada, NOW).opened(store);
        let changed = change(store, &ada, &grace, &|standing| give(standing, "rn"));
        let AccountChangeResult::Done { account, revoked } = changed else { panic!("{changed:?}") };
        let void = Revocation::Subject { account: ada.id, issued_before: NOW + SECOND };
        let void = RevocationEntry { revocation: void, until: NOW + REVOKED_FOR };
        assert_eq!((account.role, revoked), (role("rn"), Revoked::new(vec![void])));
        assert_eq!(store.account(ada.id).unwrap().unwrap().role, role("rn"));
        assert_eq!(store.account(grace.id).unwrap().unwrap(), grace);
        assert_eq!(live_sessions(store), 1);
        assert_eq!(count(store, "revocations WHERE kind = 'subject'"), 1);
        assert_eq!(outcomes(store, "role_changed"), ["success 1"]);
        let opened = SignIn::of(&ada, NOW).open(store);
        let portcullis_flows::sign_in::SessionOpeningResult::Done { snapshot, .. } = opened else {
            panic!("{opened:?}")
        };
        assert_eq!(snapshot.account.role, role("rn"));
        assert_eq!(snapshot.tokens_valid_from, Some(NOW + SECOND));
    });
}

#[test]
fn deactivation_ends_every_session_and_lets_no_other_begin() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let mut sessions = [0; 3].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        SignIn::of(&grace, NOW).opened(store);
        let changed = change(store, &ada, &grace, &deactivate);
        let AccountChangeResult::Done { revoked, .. } = changed else { panic!("{changed:?}") };
        sessions.sort();
        assert_eq!((ended(&revoked), revoked.entries().len()), (sessions.into(), 3));
        assert_eq!((live_sessions(store), count(store, "revocations")), (1, 3));
        assert_eq!(ends(store), ["account_deactivated 3"]);
        let refused = SignIn::of(&ada, NOW).open(store);
        assert_eq!(
            refused,
            portcullis_flows::sign_in::SessionOpeningResult::Refused(Outcome::Superseded)
        );
    });
}

#[test]
fn what_the_rule_refuses_leaves_its_events_and_nothing_else() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        SignIn::of(&ada, NOW).opened(store);
        let rule = |standing: &AccountState| AccountRuleResult {
            result: Err(Refusal::AboveOwnRole),
            ..give(standing, "admin")
        };
        let changed = change(store, &ada, &grace, &rule);
        assert!(
            matches!(changed, AccountChangeResult::Refused(Refusal::AboveOwnRole)),
            "{changed:?}"
        );
        assert_eq!(store.account(ada.id).unwrap().unwrap().role, ada.role);
        assert_eq!((live_sessions(store), count(store, "revocations")), (1, 0));
        assert_eq!(outcomes(store, "role_changed"), ["success 1"]);
    });
}

#[test]
fn the_rule_is_shown_both_accounts_and_how_many_administrators_there_are_besides() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let others = ["joan", "kay", "mary"].map(|name| enrol(store, name));
        for account in [&ada, &others[0], &others[1], &others[2]] {
            change(store, account, &grace, &|standing| give(standing, "admin"));
        }
        change(store, &others[2], &grace, &deactivate);
        let seen = |standing: &AccountState| {
            assert_eq!(standing.account.id, ada.id);
            assert_eq!(standing.actor.as_ref().map(|actor| actor.id), Some(grace.id));
            assert_eq!(standing.other_administrators, 2);
            deactivate(standing)
        };
        change(store, &ada, &grace, &seen);
        let orphaned = |standing: &AccountState| {
            assert!(standing.actor.is_none());
            deactivate(standing)
        };
        change(store, &ada, &samples::account("gone"), &orphaned);
        let never = |_: &AccountState| panic!("there is nothing to judge");
        let unknown = change(store, &samples::account("gone"), &grace, &never);
        assert!(matches!(unknown, AccountChangeResult::Unknown), "{unknown:?}");
    });
}

#[test]
fn a_rule_of_another_matrix_is_not_asked() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let proposed =
            |_: &Added| samples::event(EventKind::MatrixProposed, Outcome::Success, NOW).into();
        let added = store.add_version("a", &samples::operator(), &proposed).unwrap();
        let version = added.number().unwrap();
        let activation = Activation { revision: 1, version, by: Actor::Operator, at: NOW };
        let activated = |_: &Activated, at| {
            samples::event(EventKind::MatrixActivated, Outcome::Success, at).into()
        };
        let (roles, admin) = (["msa"], role("admin"));
        let activating = ActivationRequest {
            activation,
            roles: &roles,
            moves: &[],
            administrators: [&admin; 2],
            principal: &samples::operator(),
            rule: &|_| Ok(()),
            effects: &activated,
        };
        store.activate(&activating).unwrap();
        let never = |_: &AccountState| panic!("it goes by the matrix of before");
        let changed = change(store, &ada, &grace, &never);
        assert!(matches!(changed, AccountChangeResult::Superseded), "{changed:?}");
    });
}

/// Each judges by what it sees: whoever is not an administrator any more removes nobody.
#[test]
fn administrators_who_remove_one_another_at_once_leave_exactly_one() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for round in 0..5 {
            let admins: Vec<Account> = (0..8)
                .map(|number| {
                    let account = enrol(store, &format!("admin{round}-{number}"));
                    change(store, &account, &account, &|standing| give(standing, "admin"));
                    account
                })
                .collect();
            let demote = |standing: &AccountState| {
                let actor = standing.actor.as_ref();
                if actor.is_none_or(|actor| actor.role != role("admin")) {
                    let result = Err(Refusal::CallerChanged);
                    return AccountRuleResult { result, effects: Box::new(|_| Effects::default()) };
                }
                give(standing, "msa")
            };
            let answers = at_once(admins.len(), |number| {
                change(store, &admins[(number + 1) % admins.len()], &admins[number], &demote)
            });
            let done =
                answers.iter().filter(|it| matches!(it, AccountChangeResult::Done { .. })).count();
            let left = count(store, "accounts WHERE role = 'admin'");
            assert!(left >= 1, "{database:?}");
            assert_eq!(left, i64::try_from(admins.len() - done).unwrap(), "{database:?}");
            store.execute("UPDATE accounts SET role = 'msa'").unwrap();
        }
    });
}

#[test]
fn a_sign_in_that_races_with_the_deactivation_leaves_no_session_alive() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let grace = enrol(store, "grace");
        for round in 0..5 {
            let ada = enrol(store, &format!("ada{round}"));
            at_once(12, |number| {
                if number == 6 {
                    drop(change(store, &ada, &grace, &deactivate));
                } else {
                    drop(SignIn::of(&ada, NOW).open(store));
                }
            });
            assert_eq!(live_sessions(store), 0, "{database:?}");
        }
    });
}

fn change(
    store: &Store,
    account: &Account,
    actor: &Account,
    rule: &dyn Fn(&AccountState) -> AccountRuleResult,
) -> AccountChangeResult {
    let caller = samples::principal(actor.id, actor.role.as_str());
    let changed = store.change_account(&AccountChange {
        kind: ChangeKind::Update,
        account: account.id,
        principal: &caller,
        part: None,
        reauthenticated: None,
        revision: 0,
        administrators: &role("admin"),
        rule,
        revoked_for: REVOKED_FOR,
    });
    changed.unwrap()
}

fn give(standing: &AccountState, word: &str) -> AccountRuleResult {
    let after = Account { role: role(word), ..standing.account.clone() };
    let valid_from: Timestamp = NOW + SECOND;
    let event = event(EventKind::RoleChanged, after.id);
    let tokens_valid_from = Some(valid_from);
    AccountRuleResult {
        result: Ok(AccountUpdate {
            after,
            tokens_valid_from,
            ends_sessions: None,
            password_hash: None,
            removes_factors: false,
            opens_counters: Vec::new(),
        }),
        effects: Box::new(|_| event.into()),
    }
}

fn deactivate(standing: &AccountState) -> AccountRuleResult {
    let after = Account { is_active: false, ..standing.account.clone() };
    let kind = EventKind::AccountDeactivated;
    let event = event(kind, after.id);
    let effects = |changed: &AccountChangeResult| match changed {
        AccountChangeResult::Done { revoked, .. } => event.ending(revoked.session_count()).into(),
        other => panic!("{other:?}"),
    };
    AccountRuleResult {
        result: Ok(AccountUpdate {
            after,
            tokens_valid_from: None,
            ends_sessions: Some(kind),
            password_hash: None,
            removes_factors: false,
            opens_counters: Vec::new(),
        }),
        effects: Box::new(effects),
    }
}

fn event(kind: EventKind, account: AccountId) -> portcullis_audit::SecurityEvent {
    let by = Actor::Account(AccountId::generate(NOW, &SystemRandom));
    samples::event(kind, Outcome::Success, NOW).about(account).by(by)
}

fn role(word: &str) -> Role {
    Role::parse(word).unwrap()
}
