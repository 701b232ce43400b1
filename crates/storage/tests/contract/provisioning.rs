//! Contract of account creation and import by the operator.

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, Email, Username};
use portcullis_flows::identity::provisioning::{Import, ImportResult, ImportStore};
use portcullis_flows::identity::registration::Creation;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::{count, outcomes};
use crate::member::enrol;

const DONE: ImportResult = ImportResult::Tried(Creation::Done);

#[test]
fn each_account_gets_its_verdict_in_order_and_a_refused_one_holds_up_no_other() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        enrol(store, "paypal");
        let batch = [
            row(samples::account("ada")),
            row(with_email("paypal", "new@example.org")),
            row(with_email("pаypаl", "new@example.org")),
            row(with_email("somebody", "PayPal@example.org")),
            row(samples::account("ada")),
            row(samples::account("grace")),
        ];
        let expected = [
            DONE,
            ImportResult::Tried(Creation::UsernameTaken),
            ImportResult::Tried(Creation::UsernameTaken),
            ImportResult::Tried(Creation::EmailTaken),
            ImportResult::Present,
            DONE,
        ];
        assert_eq!(store.import(&batch).unwrap(), expected);
        assert_eq!(count(store, "accounts"), 3);
        assert_eq!(outcomes(store, "account_created"), ["success 2"]);
    });
}

#[test]
fn a_second_run_finds_everything_present_and_changes_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(store.import(&team()).unwrap(), [DONE; 5]);
        store.execute("UPDATE accounts SET password_hash = 'changed since'").unwrap();
        assert_eq!(store.import(&team()).unwrap(), [ImportResult::Present; 5]);
        assert_eq!(count(store, "accounts WHERE password_hash = 'changed since'"), 5);
        assert_eq!(outcomes(store, "account_created"), ["success 5"]);
    });
}

#[test]
fn a_batch_that_cannot_be_stored_as_a_whole_is_not_stored_at_all() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let mut batch = team();
        // An event can be recorded once only: the last insert fails, not by a rule but by itself.
        batch[4].effects = batch[0].effects.clone();
        assert!(store.import(&batch).is_err());
        assert_eq!(count(store, "accounts") + count(store, "security_events"), 0);
        assert_eq!(store.import(&team()).unwrap(), [DONE; 5]);
    });
}

#[test]
fn eight_imports_of_one_file_at_once_create_each_account_once() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let verdicts = at_once(8, |_| store.import(&team()).unwrap()).concat();
        let done = verdicts.iter().filter(|verdict| **verdict == DONE).count();
        let present = verdicts.iter().filter(|verdict| **verdict == ImportResult::Present).count();
        assert_eq!((done, present), (5, 35), "{database:?}");
        assert_eq!(outcomes(store, "account_created"), ["success 5"]);
    });
}

fn with_email(name: &str, email: &str) -> Account {
    Account {
        username: Username::parse(name).unwrap(),
        email: Email::parse(email).unwrap(),
        ..samples::account("somebody")
    }
}

fn team() -> Vec<Import> {
    ["ada", "barbara", "grace", "hedy", "mary"].map(|name| row(samples::account(name))).into()
}

fn row(account: Account) -> Import {
    let event = samples::event(EventKind::AccountCreated, Outcome::Success, NOW);
    let password_hash = samples::password_hash();
    let effects = event.about(account.id).into();
    Import { account, password_hash, revision: 0, effects }
}
