//! Contract of `LockoutDirectoryStore`.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{AccountId, Timestamp};
use portcullis_flows::effects::Effects;
use portcullis_flows::sign_in::SignInStore;
use portcullis_flows::sign_in::lockout::{CounterKind, FailureCounter, FailureCounters};
use portcullis_flows::sign_in::lockout_directory::{
    ListedLockout, LockoutCursor, LockoutDirectoryStore, LockoutPage,
};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};

use crate::inspect::{count, outcomes};
use crate::member::{at, enrol};

const COUNTERS: FailureCounters = FailureCounters::new([7; 32]);

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn closed_counters_of_accounts_are_listed_the_longest_wait_first() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let people = ["ada", "grace", "joan"].map(|name| enrol(store, name));
        for (number, account) in people.iter().enumerate() {
            fail(store, &COUNTERS.of_strangers(account.id), 5 + u32::try_from(number).unwrap());
        }
        fail(store, &COUNTERS.of_factors(people[0].id), 5);
        fail(store, &COUNTERS.of_name("nobody"), 5);
        fail(store, &COUNTERS.of_session(samples::session()), 5);
        let few = enrol(store, "mary");
        fail(store, &COUNTERS.of_strangers(few.id), 4);

        let all = page(&at(store, NOW + SECOND), None, 10);
        assert_eq!(all.next, None);
        let found: Vec<_> = all.lockouts.iter().map(|it| (it.account, it.kind)).collect();
        assert_eq!(found.len(), 4, "names, sessions and open counters are left out: {all:?}");
        assert!(all.lockouts.is_sorted_by_key(|it| std::cmp::Reverse(it.closed_until)));
        let [first, ..] = all.lockouts.as_slice() else { panic!("{all:?}") };
        assert_eq!((first.account, first.failures), (people[2].id, 7));
        assert_eq!((&first.username, first.last_failed_at), (&people[2].username, at_failure(7)));
        assert!(found.contains(&(people[0].id, CounterKind::Factors)));
        for most in [1, 2, 3, 4] {
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = page(&at(store, NOW + SECOND), after, most);
                assert!(page.lockouts.len() <= usize::try_from(most).unwrap());
                paged.extend(page.lockouts);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(paged, all.lockouts, "pages of {most}");
        }
    });
}

#[test]
fn a_wait_that_is_over_and_a_counter_of_an_earlier_password_are_no_lockouts() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let epoch = store.credentials_of(ada.id).unwrap().unwrap().epoch;
        fail(store, &COUNTERS.of_known_devices(ada.id, epoch), 5);
        let listed = |after: Duration| page(&at(store, NOW + after), None, 10).lockouts;
        let [lockout]: [ListedLockout; 1] = listed(SECOND).try_into().unwrap();
        assert_eq!(lockout.kind, CounterKind::KnownDevices);
        let wait = lockout.closed_until.since(NOW);
        assert_eq!(listed(59 * SECOND).len(), 1);
        assert_eq!(listed(wait), [], "the wait is over");
        store.execute("UPDATE accounts SET password_epoch = password_epoch + 1").unwrap();
        assert_eq!(listed(SECOND), [], "another counter counts for the new password");
    });
}

#[test]
fn a_counter_of_an_earlier_version_is_listed_after_its_next_failure() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let counter = COUNTERS.of_strangers(ada.id);
        fail(store, &FailureCounter::from(counter.key), 4);
        assert_eq!(count(store, "sign_in_failures WHERE account_id IS NOT NULL"), 0);
        fail(store, &counter, 1);
        let [lockout]: [ListedLockout; 1] =
            page(store, None, 10).lockouts.try_into().expect("it is closed now");
        assert_eq!((lockout.account, lockout.failures), (ada.id, 5));
    });
}

#[test]
fn each_page_is_recorded() {
    TestDatabase::on_both(|database| {
        page(database.store(), None, 1);
        assert_eq!(outcomes(database.store(), "lockouts_listed"), ["success 1"]);
    });
}

#[test]
fn the_counters_of_an_account_do_not_outlive_it() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, nobody) =
            (enrol(store, "ada"), AccountId::generate(NOW, &portcullis_domain::SystemRandom));
        fail(store, &COUNTERS.of_strangers(ada.id), 5);
        fail(store, &COUNTERS.of_strangers(nobody), 5);
        assert_eq!(page(store, None, 10).lockouts.len(), 1, "an unknown account is left out");
        drop(crate::account_deletion::delete(store, &ada, None));
        assert_eq!(count(store, "sign_in_failures"), 1);
        assert_eq!(page(store, None, 10).lockouts, []);
    });
}

/// Counts so many failures, each when the wait of the one before is over.
fn fail(store: &Store, counter: &FailureCounter, failures: u32) {
    let policy = LockoutPolicy::default();
    for number in 1..=failures {
        let then = at(store, at_failure(number));
        then.refuse(counter, &policy, None, &|_| Effects::default()).unwrap();
    }
}

/// The fifth failure is at the time of the tests, and begins the first wait.
fn at_failure(number: u32) -> Timestamp {
    NOW + 4 * Duration::from_secs(60) * number.saturating_sub(5)
}

fn page(store: &Store, after: Option<LockoutCursor>, most: u32) -> LockoutPage {
    let event = samples::event(EventKind::LockoutsListed, Outcome::Success, NOW);
    store.list_lockouts(after, most, &event.into()).unwrap()
}
