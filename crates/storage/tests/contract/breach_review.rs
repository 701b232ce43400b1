//! Contract of `BreachReviewStore`.

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, PasswordEpoch};
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::breach_review::{BreachReview, BreachReviewStore};
use portcullis_flows::sign_in::SignInStore;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::outcomes;
use crate::member::enrol;

#[test]
fn a_review_holds_for_one_password_and_is_recorded_once() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let is_reviewed =
            |account: &Account| store.credentials_of(account.id).unwrap().unwrap().is_reviewed;
        let must_change =
            |account: &Account| store.account(account.id).unwrap().unwrap().password_must_change;
        assert!(!is_reviewed(&ada));
        assert!(review(store, &ada, PasswordEpoch::FIRST, false));
        assert!(is_reviewed(&ada) && !must_change(&ada));
        assert!(!review(store, &ada, PasswordEpoch::FIRST, true), "it was reviewed");

        store.execute("UPDATE accounts SET password_epoch = 1").unwrap();
        assert!(!is_reviewed(&ada), "another password");
        assert!(!review(store, &ada, PasswordEpoch::FIRST, true), "of a former password");
        let recorded = at_once(8, |_| review(store, &ada, PasswordEpoch::from_number(1), true));
        assert_eq!(recorded.into_iter().filter(|recorded| *recorded).count(), 1);
        assert!(is_reviewed(&ada) && must_change(&ada));
        assert!(!is_reviewed(&grace) && !must_change(&grace));
        assert_eq!(outcomes(store, "password_breached"), ["success 2"]);
    });
}

fn review(store: &Store, account: &Account, epoch: PasswordEpoch, is_listed: bool) -> bool {
    let event = samples::event(EventKind::PasswordBreached, Outcome::Success, NOW);
    let effects = |recorded: &bool| Effects::from(event.clone()).only_if(*recorded);
    let account = account.id;
    let review = BreachReview { account, epoch, is_listed, effects: &effects };
    store.record_breach_review(&review).unwrap()
}
