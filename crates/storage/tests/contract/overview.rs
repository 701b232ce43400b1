//! Contract of `OverviewStore`.

use std::time::Duration;

use portcullis_flows::effects::Effects;
use portcullis_flows::node::overview::{OverviewStore, PresentCounts};
use portcullis_flows::sign_in::SignInStore;
use portcullis_flows::sign_in::lockout::FailureCounters;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::NOW;

use crate::member::{SESSION_LIFETIME, SignIn, at, enrol};

#[test]
fn what_there_is_now_is_counted_up_to_the_limit() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let counters = FailureCounters::new([7; 32]);
        let people = ["ada", "grace", "joan", "mary"].map(|name| enrol(store, name));
        for account in &people[..3] {
            SignIn::of(account, NOW).open(store);
        }
        for _ in 0..5 {
            let counter = counters.of_strangers(people[0].id);
            store
                .refuse(&counter, &LockoutPolicy::default(), None, &|_| Effects::default())
                .unwrap();
        }
        store.execute("UPDATE accounts SET is_active = false WHERE username = 'mary'").unwrap();

        let counts = |active_accounts, sessions, lockouts| PresentCounts {
            active_accounts,
            sessions,
            lockouts,
        };
        assert_eq!(store.count_present(10).unwrap(), counts(3, 3, 1));
        assert_eq!(store.count_present(2).unwrap(), counts(2, 2, 1));
        let later = at(store, NOW + Duration::from_secs(60 * 60));
        assert_eq!(later.count_present(10).unwrap(), counts(3, 3, 0), "the wait is over");
        let later = at(store, NOW + SESSION_LIFETIME);
        assert_eq!(later.count_present(10).unwrap(), counts(3, 0, 0), "the sessions are over");
    });
}
