//! Contract of the failure counters of sign-ins.

use std::time::Duration;

use portcullis_audit::Outcome;
use portcullis_domain::Timestamp;
use portcullis_flows::sign_in::SessionOpeningResult;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_storage::Store;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{TestClock, TestDatabase};

use crate::inspect::{count, outcomes};
use crate::member::{SignIn, counter, enrol, fail};

const LOCKED: SessionOpeningResult = SessionOpeningResult::Refused(Outcome::Locked);

const MICROSECOND: Duration = Duration::from_micros(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn after_five_failures_each_further_one_waits_twice_as_long_up_to_a_quarter_of_an_hour() {
    TestDatabase::on_both(|database| {
        let attempts = Attempts::on(&database);
        (0..5).for_each(|_| assert!(attempts.counts(NOW)));
        let mut now = NOW;
        for minutes in [1, 2, 4, 8, 15, 15, 15] {
            let end = now + minutes * MINUTE;
            assert!(!attempts.counts(end - MICROSECOND), "{minutes} minutes");
            assert!(attempts.counts(end), "{minutes} minutes");
            now = end;
        }
    });
}

#[test]
fn attempts_during_a_wait_are_recorded_as_such_and_do_not_prolong_it() {
    TestDatabase::on_both(|database| {
        let attempts = Attempts::on(&database);
        (0..5).for_each(|_| assert!(attempts.counts(NOW)));
        (0..20).for_each(|_| assert!(!attempts.counts(NOW + 59 * (MINUTE / 60))));
        assert_eq!(outcomes(database.store(), "sign_in"), ["locked 20", "wrong_password 5"]);
        assert!(attempts.counts(NOW + MINUTE));
        assert!(!attempts.counts(NOW + 3 * MINUTE - MICROSECOND), "the second wait is two minutes");
    });
}

#[test]
fn failures_are_forgotten_an_hour_after_the_last_of_them() {
    TestDatabase::on_both(|database| {
        let attempts = Attempts::on(&database);
        (0..5).for_each(|_| assert!(attempts.counts(NOW)));
        let later = NOW + HOUR;
        assert!(attempts.counts(later), "within the hour it is the sixth");
        assert!(!attempts.counts(later + 2 * MINUTE - MICROSECOND));
        let much_later = later + HOUR + MICROSECOND;
        (0..5).for_each(|_| assert!(attempts.counts(much_later), "a fresh five"));
        assert!(!attempts.counts(much_later + MINUTE - MICROSECOND));
        assert!(attempts.counts(much_later + MINUTE));
    });
}

#[test]
fn failures_without_a_wait_close_nothing_when_the_clock_goes_back() {
    TestDatabase::on_both(|database| {
        let attempts = Attempts::on(&database);
        (0..4).for_each(|_| assert!(attempts.counts(NOW + HOUR)));
        assert!(attempts.counts(NOW), "the fifth is evaluated, and a wait begins");
        assert!(!attempts.counts(NOW + MINUTE - MICROSECOND));
        assert!(attempts.counts(NOW + MINUTE));
    });
}

#[test]
fn a_right_password_during_a_wait_is_refused_and_changes_nothing_but_the_record() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let attempts = Attempts::on(&database);
        (0..5).for_each(|_| assert!(attempts.counts(NOW)));
        let end = NOW + MINUTE;
        database.clock().set(end - MICROSECOND);
        assert_eq!(SignIn::of(&ada, end - MICROSECOND).open(store), LOCKED);
        assert_eq!(outcomes(store, "sign_in"), ["locked 1", "wrong_password 5"]);
        assert_eq!(count(store, "sessions"), 0);
        assert_eq!(count(store, "accounts WHERE last_sign_in_at IS NOT NULL"), 0);
        database.clock().set(end);
        SignIn::of(&ada, end).opened(store);
    });
}

#[test]
fn a_success_forgets_every_failure_before_it() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "ada");
        let attempts = Attempts::on(&database);
        for minute in 0..3 {
            let now = NOW + minute * MINUTE;
            (0..4).for_each(|_| assert!(attempts.counts(now)));
            SignIn::of(&ada, now).opened(database.store());
        }
        assert_eq!(count(database.store(), "sign_in_failures"), 0);
    });
}

#[test]
fn a_hundred_failures_without_a_success_close_the_counter_for_good() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let attempts = Attempts::on(&database);
        let day = |number: u32| NOW + number * 24 * HOUR;
        (0..99).for_each(|number| assert!(attempts.counts(day(number)), "{number}"));
        assert!(attempts.counts(day(99)), "though each was forgotten before the next");
        assert!(!attempts.counts(day(36_500)));
        assert_eq!(SignIn::of(&ada, day(36_500)).open(store), LOCKED);
    });
}

#[test]
fn ninety_nine_failures_and_a_success_begin_anew() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "ada");
        let attempts = Attempts::on(&database);
        let day = |number: u32| NOW + number * 24 * HOUR;
        (0..99).for_each(|number| assert!(attempts.counts(day(number))));
        database.clock().set(day(99));
        SignIn::of(&ada, day(99)).opened(database.store());
        (0..2).for_each(|_| assert!(attempts.counts(day(100))));
    });
}

#[test]
fn one_counter_does_not_close_another() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let strangers = Attempts::on(&database);
        let device = Attempts { counter: counter("the device of ada"), ..Attempts::on(&database) };
        (0..5).for_each(|_| assert!(strangers.counts(NOW)));
        assert!(device.counts(NOW));
        SignIn { counter: device.counter, ..SignIn::of(&ada, NOW) }.opened(store);
        assert_eq!(SignIn::of(&ada, NOW).open(store), LOCKED, "the other stays closed");
    });
}

#[test]
fn another_node_knows_what_this_one_counted() {
    TestDatabase::on_both(|database| {
        let (here, there) = (database.store(), database.connect());
        let ada = enrol(here, "ada");
        (0..5).for_each(|_| assert!(Attempts::by(&database, here).counts(NOW)));
        assert!(!Attempts::by(&database, &there).counts(NOW));
        assert_eq!(SignIn::of(&ada, NOW).open(&there), LOCKED);
    });
}

/// On two nodes whose clocks differ by hours, waits are as long as they are.
#[test]
fn no_clock_of_a_node_moves_a_wait() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let policy = LockoutPolicy::default();
        for number in 0..5 {
            let by_the_node = if number % 2 == 0 { NOW + HOUR } else { NOW - HOUR };
            fail(store, &counter("ada"), &policy, by_the_node);
        }
        assert_eq!(SignIn::of(&ada, NOW + HOUR).open(store), LOCKED);
        database.clock().set(NOW + MINUTE);
        SignIn::of(&ada, NOW - HOUR).opened(store);
    });
}

/// Wrong passwords for one account.
struct Attempts<'a> {
    clock: &'a TestClock,
    store: &'a Store,
    counter: portcullis_token::Digest,
    policy: LockoutPolicy,
}

impl<'a> Attempts<'a> {
    fn on(database: &'a TestDatabase) -> Self {
        Self::by(database, database.store())
    }

    /// By a node of its own.
    fn by(database: &'a TestDatabase, store: &'a Store) -> Self {
        Self {
            clock: database.clock(),
            store,
            counter: counter("ada"),
            policy: LockoutPolicy::default(),
        }
    }

    /// Tries once; whether that was counted, instead of being turned away unseen.
    fn counts(&self, now: Timestamp) -> bool {
        let counted = "security_events WHERE outcome = 'wrong_password'";
        let turned_away = "security_events WHERE outcome = 'locked'";
        self.clock.set(now);
        let before = [counted, turned_away].map(|events| count(self.store, events));
        fail(self.store, &self.counter, &self.policy, now);
        let after = [counted, turned_away].map(|events| count(self.store, events));
        assert_eq!(after[0] + after[1], before[0] + before[1] + 1, "each attempt is recorded once");
        after[0] > before[0]
    }
}
