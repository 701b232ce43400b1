//! Contract of `SignInStatisticsStore`: every number equals a count of the events.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use portcullis_audit::{EventKind, EventRecord, Filter, Outcome, SecurityEvent};
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::audit::checkpoint::CheckpointStore;
use portcullis_flows::audit::sign_in_statistics::{
    Period, SignInCounts, SignInStatisticsStore, Step, is_success,
};
use portcullis_flows::audit::trail::AuditLogStore;
use portcullis_flows::effects::Effects;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::audited::{event, make_checkpoint, person, record};
use crate::inspect::{count, outcomes};
use crate::member::enrol;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// More than all.
const ALL: usize = 10_000;

#[test]
fn every_number_equals_a_count_of_the_events_however_many_are_counted() {
    TestDatabase::on_both(|database| {
        let (store, mut numbers) = (database.store(), Numbers(7));
        for _ in 0..60 {
            record(store, &sign_in(&mut numbers));
            record(store, &event(NOW));
        }
        assert_exact(store, &mut numbers, 4);
        assert!(store.count_sign_ins(70).unwrap().more, "{database:?}");
        assert_exact(store, &mut numbers, 6);
        count_all(store);
        assert_exact(store, &mut numbers, 20);
        (0..40).for_each(|_| record(store, &sign_in(&mut numbers)));
        let restarted = database.connect();
        assert_exact(&restarted, &mut numbers, 6);
        count_all(&restarted);
        assert_exact(store, &mut numbers, 4);
        let counted = "SELECT CAST(sum(events) AS bigint) FROM sign_in_hours";
        assert_eq!(store.number(counted).unwrap(), 100, "each event is counted once");
    });
}

#[test]
fn an_event_that_is_written_late_counts_at_its_own_time() {
    TestDatabase::on_both(|database| {
        let (store, mut numbers) = (database.store(), Numbers(11));
        (0..20).for_each(|_| record(store, &sign_in(&mut numbers)));
        count_all(store);
        let late = NOW + HOUR / 2;
        let refused = samples::event(EventKind::SignIn, Outcome::WrongPassword, late);
        record(&database.connect(), &refused.about(person(3)));
        let period = Period::new(NOW, NOW + 5 * DAY, None).unwrap();
        for _ in ["not counted", "counted"] {
            assert_equal(store, &period);
            count_all(store);
        }
        assert_exact(store, &mut numbers, 5);
    });
}

#[test]
fn of_nodes_that_count_at_once_while_others_append_each_event_is_counted_once() {
    TestDatabase::on_both_crowded(|database| {
        let nodes: Vec<Store> = (0..8).map(|_| database.connect()).collect();
        at_once(8, |number| {
            let mut numbers = Numbers(u64::try_from(number).unwrap());
            for _ in 0..15 {
                record(&nodes[number], &sign_in(&mut numbers));
                nodes[number].count_sign_ins(9).unwrap();
                if number == 0 {
                    let period = Period::new(NOW - DAY, NOW + 9 * DAY, None).unwrap();
                    let found = read(&nodes[number], &period, ALL);
                    let listed: u64 = found.addresses.entries.iter().map(|it| it.refusals).sum();
                    assert_eq!(listed, refusals(&found), "one snapshot");
                }
            }
        });
        let (store, mut numbers) = (database.store(), Numbers(13));
        assert_exact(store, &mut numbers, 3);
        count_all(store);
        assert_exact(store, &mut numbers, 5);
        let counted = "SELECT CAST(sum(events) AS bigint) FROM sign_in_hours";
        assert_eq!(store.number(counted).unwrap(), 120, "{database:?}");
    });
}

#[test]
fn what_a_purge_deletes_is_not_counted_any_more_whether_it_was_counted_or_not() {
    TestDatabase::on_both(|database| {
        let (store, mut numbers) = (database.store(), Numbers(17));
        (0..60).for_each(|_| record(store, &sign_in(&mut numbers)));
        let checkpoint = make_checkpoint(store, NOW).unwrap();
        (0..20).for_each(|_| record(store, &sign_in(&mut numbers)));
        assert!(store.count_sign_ins(35).unwrap().more);
        let [head] = checkpoint.heads() else { panic!("one chain is in use") };
        assert_eq!(store.remove_entries(head, 20).unwrap(), 20);
        assert_exact(store, &mut numbers, 6);
        assert_eq!(store.remove_entries(head, 30).unwrap(), 30, "beyond the position too");
        assert_exact(store, &mut numbers, 6);
        count_all(store);
        assert_exact(store, &mut numbers, 6);
        let all = make_checkpoint(store, NOW).unwrap();
        while store.remove_entries(&all.heads()[0], 7).unwrap() > 0 {}
        for table in ["security_events", "sign_in_hours", "sign_in_refusals"] {
            assert_eq!(count(store, table), 0, "{table} of {database:?}");
        }
    });
}

#[test]
fn a_purge_of_a_chain_takes_nothing_from_what_another_chain_has_counted() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let refused =
            || samples::event(EventKind::SignIn, Outcome::WrongPassword, NOW).about(person(1));
        (0..10).for_each(|_| record(store, &refused()));
        count_all(store);
        for change in [
            "UPDATE security_events SET chain = 5",
            "UPDATE sign_in_positions SET sequence = 10 WHERE chain = 5",
            "UPDATE audit_chains SET sequence = 10 WHERE id = 5",
        ] {
            store.execute(change).unwrap();
        }
        (0..4).for_each(|_| record(store, &refused()));
        let checkpoint = make_checkpoint(store, NOW).unwrap();
        let first = checkpoint.heads().iter().find(|head| head.chain.as_i64() == 0).unwrap();
        assert_eq!(store.remove_entries(first, 20).unwrap(), 4, "none of them is counted");
        let period = Period::new(NOW - DAY, NOW + 2 * DAY, None).unwrap();
        assert_equal(store, &period);
        count_all(store);
        assert_equal(store, &period);
        assert_eq!(count(store, "sign_in_refusals WHERE refusals = 10"), 2, "{database:?}");
    });
}

#[test]
fn accounts_have_their_names_and_deleted_ones_have_none() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for (subject, times) in [(ada.id, 3), (person(5), 2)] {
            for _ in 0..times {
                let refused = samples::event(EventKind::SignIn, Outcome::WrongPassword, NOW);
                record(store, &refused.about(subject));
            }
        }
        record(store, &samples::event(EventKind::SignIn, Outcome::UnknownAccount, NOW));
        let period = Period::new(NOW - HOUR, NOW + HOUR, None).unwrap();
        let found = read(store, &period, ALL);
        let [first, second] = found.accounts.entries.as_slice() else { panic!("{found:?}") };
        assert_eq!((first.account, first.refusals), (ada.id, 3));
        assert_eq!(first.username.as_ref().unwrap(), &ada.username);
        assert_eq!((second.account, second.refusals, &second.username), (person(5), 2, &None));
        let unknown: u64 = found.cells.iter().map(|cell| cell.without_account).sum();
        assert_eq!(unknown, 1);
    });
}

#[test]
fn a_reading_is_recorded_and_waits_until_the_events_are_nearly_all_counted() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let period = Period::new(NOW - HOUR, NOW + HOUR, None).unwrap();
        read(store, &period, 1);
        assert_eq!(outcomes(store, "audit_searched"), ["success 1"]);
        store.execute("UPDATE audit_chains SET sequence = 100001 WHERE id = 3").unwrap();
        let refused = store.sign_in_counts(&period, 1, &searched());
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert_eq!(outcomes(store, "audit_searched"), ["success 1"]);
    });
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// A time within a week, often at the start of an hour or a day.
    fn time(&mut self) -> Timestamp {
        let at = NOW + Duration::from_micros(self.below(7 * 24 * 60 * 60 * 1_000_000));
        match self.below(8) {
            0 => Step::Hour.floor(at),
            1 => Step::Day.floor(at),
            _ => at,
        }
    }
}

fn sign_in(numbers: &mut Numbers) -> SecurityEvent {
    const OUTCOMES: [Outcome; 4] =
        [Outcome::Success, Outcome::WrongPassword, Outcome::Locked, Outcome::UnknownAccount];
    let outcome = OUTCOMES[usize::try_from(numbers.below(4)).unwrap()];
    let mut event = samples::event(EventKind::SignIn, outcome, numbers.time());
    event.origin.address = IpAddr::from([192, 0, 2, u8::try_from(numbers.below(9)).unwrap()]);
    if outcome == Outcome::UnknownAccount {
        event
    } else {
        event.about(person(u128::from(numbers.below(9))))
    }
}

fn count_all(store: &Store) -> u64 {
    let mut done = 0;
    loop {
        let batch = store.count_sign_ins(50).unwrap();
        done += batch.done;
        if !batch.more {
            return done;
        }
    }
}

fn searched() -> Effects {
    samples::event(EventKind::AuditSearched, Outcome::Success, NOW).into()
}

fn read(store: &Store, period: &Period, most: usize) -> SignInCounts {
    store.sign_in_counts(period, most, &searched()).unwrap()
}

fn refusals(counts: &SignInCounts) -> u64 {
    let refused = counts.cells.iter().filter(|cell| !is_success(&cell.outcome));
    refused.map(|cell| cell.events).sum()
}

/// Compares so many periods with a count of the events, and always the whole week.
fn assert_exact(store: &Store, numbers: &mut Numbers, periods: u32) {
    assert_equal(store, &Period::new(NOW - DAY, NOW + 9 * DAY, None).unwrap());
    for _ in 0..periods {
        let (one, other) = (numbers.time(), numbers.time());
        let (from, until) = (one.min(other), one.max(other) + Duration::from_micros(1));
        let step = [None, Some(Step::Minute), Some(Step::Hour), Some(Step::Day)];
        let step = step[usize::try_from(numbers.below(4)).unwrap()];
        if let Ok(period) = Period::new(from, until, step) {
            assert_equal(store, &period);
        }
    }
}

/// By the start of the step, the hour and the outcome: events, and those without an account.
type Tally = BTreeMap<(Timestamp, Timestamp, String), (u64, u64)>;

fn assert_equal(store: &Store, period: &Period) {
    let filter = Filter {
        from: Some(period.from()),
        until: Some(period.until()),
        kind: Some(EventKind::SignIn),
        ..Filter::default()
    };
    let events = store.events(&filter, None, 1_000_000).unwrap();
    let found = read(store, period, ALL);
    let key =
        |at, outcome: &str| (period.step().floor(at), Step::Hour.floor(at), outcome.to_owned());
    let (mut expected, mut tally) = (Tally::new(), Tally::new());
    for event in &events {
        let (all, without) = expected.entry(key(event.at, &event.outcome)).or_default();
        *all += 1;
        *without += u64::from(event.subject.is_none());
    }
    for cell in &found.cells {
        let (all, without) = tally.entry(key(cell.at, &cell.outcome)).or_default();
        *all += cell.events;
        *without += cell.without_account;
    }
    assert_eq!(tally, expected, "{period:?}");
    let refused = || events.iter().filter(|event| !is_success(&event.outcome));
    let accounts = ranked(refused().filter_map(|it: &EventRecord| it.subject));
    let listed = found.accounts.entries.iter().map(|it| (it.account, it.refusals));
    assert_eq!(listed.collect::<Vec<_>>(), accounts, "{period:?}");
    let addresses = ranked(refused().map(|event| event.address.clone()));
    let listed = found.addresses.entries.iter().map(|it| (it.address.clone(), it.refusals));
    assert_eq!(listed.collect::<Vec<_>>(), addresses, "{period:?}");
    let top = read(store, period, 3);
    let listed = top.addresses.entries.iter().map(|it| (it.address.clone(), it.refusals));
    let first: Vec<_> = addresses.into_iter().take(3).collect();
    assert_eq!(listed.collect::<Vec<_>>(), first, "{period:?}");
    assert_eq!(top.addresses.others_at_most, None);
}

/// The items by how often they occur.
fn ranked<T: Ord + Clone>(items: impl Iterator<Item = T>) -> Vec<(T, u64)> {
    let mut counts = BTreeMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranked
}
