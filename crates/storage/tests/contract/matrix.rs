//! Contract of `MatrixStore`.

use portcullis_audit::{Actor, Details, EventKind, Fingerprint, Outcome, SecurityEvent};
use portcullis_domain::{Account, Role};
use portcullis_flows::access::matrix::{
    Activated, Activation, ActivationRefusal, ActivationRequest, Added, ListedVersion, MatrixStore,
    Version,
};
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::registration::{Creation, NewAccount, RegistrationStore};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::audited::{person, verify};
use crate::inspect::{count, outcomes};
use crate::member::enrol;

#[test]
fn versions_are_numbered_from_one_and_the_same_text_has_one_number() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!([add(store, "one"), add(store, "two"), add(store, "one")], [1, 2, 1]);
        let one = Version { number: 1, text: "one".to_owned(), by: Actor::Operator, at: NOW };
        assert_eq!(store.version(1).unwrap(), Some(one.clone()));
        assert_eq!(store.version(3).unwrap(), None);
        let two = Version { number: 2, text: "two".to_owned(), ..one.clone() };
        let listed = |version: &Version| ListedVersion {
            number: version.number,
            by: version.by,
            at: version.at,
        };
        assert_eq!(store.versions(9).unwrap(), [listed(&two), listed(&one)]);
        assert_eq!(store.versions(1).unwrap(), [listed(&two)]);
        assert_eq!(outcomes(store, "matrix_proposed"), ["success 2"]);
        assert_eq!(count(store, "security_events WHERE details LIKE '{\"version\":2,%'"), 1);
    });
}

#[test]
fn twenty_proposals_at_once_of_four_texts_make_four_versions() {
    TestDatabase::on_both_crowded(|database| {
        let mut numbers = at_once(20, |number| add(database.store(), &(number % 4).to_string()));
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(outcomes(database.store(), "matrix_proposed"), ["success 4"]);
    });
}

#[test]
fn an_activation_puts_a_version_in_force_and_is_recorded() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        enrol(store, "ada");
        assert_eq!(store.newest_activation().unwrap(), None);
        add(store, "one");
        let [first, second] = [activation(1), activation(2)];
        assert_eq!(activate(store, &first, &["admin", "msa"]), Activated::Done(Vec::new()));
        assert_eq!(activate(store, &second, &["msa"]), Activated::Done(Vec::new()));
        assert_eq!(store.newest_activation().unwrap(), Some(second));
        assert_eq!(store.activations(9).unwrap(), [second, first]);
        assert_eq!(outcomes(store, "matrix_activated"), ["success 2"]);
    });
}

#[test]
fn a_version_without_the_role_of_an_account_is_refused_and_that_is_recorded() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        enrol(store, "ada");
        add(store, "one");
        let lacking = Activated::RolesInUse(vec![Role::parse("msa").unwrap()]);
        assert_eq!(activate(store, &activation(1), &["admin"]), lacking);
        assert_eq!(store.newest_activation().unwrap(), None);
        assert_eq!(outcomes(store, "matrix_activated"), ["invalid 1"]);
    });
}

#[test]
fn of_twenty_activations_at_once_of_one_revision_one_is_done_and_all_are_recorded() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        add(store, "one");
        let done = at_once(20, |_| activate(store, &activation(1), &["admin"]));
        assert_eq!(done.iter().filter(|done| **done == Activated::Done(Vec::new())).count(), 1);
        assert_eq!(done.iter().filter(|done| **done == Activated::Superseded).count(), 19);
        assert_eq!(outcomes(store, "matrix_activated"), ["success 1", "superseded 19"]);
        assert!(verify(store, &[]).is_intact());
    });
}

#[test]
fn whoever_decides_is_judged_as_they_are_then_and_a_refusal_is_recorded() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        add(store, "one");
        let by = |actor| Activation { by: actor, ..activation(1) };
        for (actor, expected) in [
            (Actor::Account(ada.id), Some(ada.clone())),
            (Actor::Account(person(9)), None),
            (Actor::Operator, None),
        ] {
            for reason in [ActivationRefusal::CallerChanged, ActivationRefusal::Escalation] {
                let rule = |seen: Option<&Account>| {
                    assert_eq!(seen, expected.as_ref());
                    Err(reason.clone())
                };
                let refused = activate_if(store, &by(actor), &["msa"], &rule);
                assert_eq!(refused, Activated::Refused(reason));
            }
        }
        assert_eq!(store.newest_activation().unwrap(), None);
        assert_eq!(outcomes(store, "matrix_activated"), ["against_rules 3", "superseded 3"]);
    });
}

/// Thirty times somebody is given a role at the moment at which a matrix without it is activated.
#[test]
fn no_account_is_created_with_a_role_that_a_matrix_activated_meanwhile_lacks() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        add(store, "one");
        let mut roles = vec!["admin".to_owned()];
        assert_eq!(activate(store, &activation(1), &["admin"]), Activated::Done(Vec::new()));
        for round in 0..30 {
            let role = format!("role{round}");
            let revision = store.newest_activation().unwrap().unwrap().revision;
            let account = samples::account(&format!("somebody{round}"));
            let account = Account { role: Role::parse(&role).unwrap(), ..account };
            let both = at_once(2, |number| {
                if number == 0 {
                    return create(store, &account, revision) == Creation::Done;
                }
                let known: Vec<&str> = roles.iter().map(String::as_str).collect();
                activate(store, &activation(revision + 1), &known) == Activated::Done(Vec::new())
            });
            assert_ne!(both, [true, true], "round {round}");
            assert!(both.contains(&true), "round {round}");
            roles.push(role);
        }
    });
}

#[test]
fn an_account_of_another_activation_is_not_created_and_leaves_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        add(store, "one");
        for revision in 1..=2 {
            assert_eq!(
                activate(store, &activation(revision), &["msa"]),
                Activated::Done(Vec::new())
            );
        }
        let account = samples::account("ada");
        for (revision, expected) in
            [(0, Creation::Superseded), (1, Creation::Superseded), (2, Creation::Done)]
        {
            assert_eq!(create(store, &account, revision), expected);
        }
        assert_eq!(outcomes(store, "registration"), ["success 1"]);
    });
}

#[test]
fn accounts_with_a_role_that_the_matrix_lacks_are_named() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let accounts = ["ada", "barbara", "grace"].map(|name| enrol(store, name));
        assert_eq!(store.accounts_with_unknown_role(&["msa"], 9).unwrap(), (Vec::new(), 0));
        let (named, count) = store.accounts_with_unknown_role(&["admin", "rn"], 2).unwrap();
        assert_eq!((named.len(), count), (2, 3));
        for accounts_with_unknown_role in named {
            let account = accounts
                .iter()
                .find(|account| account.id == accounts_with_unknown_role.id)
                .unwrap();
            assert_eq!(
                (&accounts_with_unknown_role.username, &accounts_with_unknown_role.role),
                (&account.username, &account.role)
            );
        }
    });
}

fn create(store: &Store, account: &Account, revision: u64) -> Creation {
    let event = event(EventKind::Registration).about(account.id);
    let hash = samples::password_hash();
    let new = NewAccount {
        account,
        password_hash: Some(&hash),
        revision,
        effects: &event.into(),
        must_verify_email: false,
    };
    store.create(&new).unwrap()
}

fn add(store: &Store, text: &str) -> u32 {
    let event = |version| {
        let digest = Fingerprint::of(text.as_bytes());
        event(EventKind::MatrixProposed).with(Details::Matrix { version, digest, previous: None })
    };
    let effects = |added: &Added| match *added {
        Added::New(number) => event(number).into(),
        Added::Known(_) => Effects::default(),
        Added::CallerChanged => panic!("the operator has no account"),
    };
    store.add_version(text, &samples::operator(), &effects).unwrap().number().unwrap()
}

fn activation(revision: u64) -> Activation {
    Activation { revision, version: 1, by: Actor::Account(person(1)), at: NOW }
}

fn activate(store: &Store, activation: &Activation, roles: &[&str]) -> Activated {
    activate_if(store, activation, roles, &|_| Ok(()))
}

fn activate_if(
    store: &Store,
    activation: &Activation,
    roles: &[&str],
    rule: &dyn Fn(Option<&Account>) -> Result<(), ActivationRefusal>,
) -> Activated {
    let effects = |activated: &Activated, at| {
        let outcome = match activated {
            Activated::Done(_) => Outcome::Success,
            Activated::Superseded | Activated::Refused(ActivationRefusal::CallerChanged) => {
                Outcome::Superseded
            }
            Activated::RolesInUse(_) => Outcome::Invalid,
            Activated::Refused(ActivationRefusal::Escalation) => Outcome::AgainstRules,
            Activated::Refused(other) => panic!("{other:?}"),
        };
        SecurityEvent { outcome, at, ..event(EventKind::MatrixActivated) }.into()
    };
    let (activation, effects) = (*activation, &effects);
    let admin = Role::parse("admin").unwrap();
    let activating = ActivationRequest {
        activation,
        roles,
        moves: &[],
        administrators: [&admin; 2],
        principal: &samples::operator(),
        rule,
        effects,
    };
    store.activate(&activating).unwrap()
}

fn event(kind: EventKind) -> SecurityEvent {
    samples::event(kind, Outcome::Success, NOW)
}
