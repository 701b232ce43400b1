//! The top lists of `SignInStatisticsStore` where there are too many refusals to sum them one by one.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_flows::audit::sign_in_statistics::{
    Period, RefusedAddress, SignInStatisticsStore, Step, TopList,
};
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};

use crate::audited::record;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn those_with_few_refusals_are_not_read_and_the_list_is_exact() {
    TestDatabase::on_both(|database| {
        let (store, scene) = (database.store(), Scene::on(&database));
        for number in 0..40 {
            let days = 1 + number % 10;
            for day in 0..days {
                scene.refuse(&format!("attacked-{number}"), day, 30 + number);
            }
        }
        for number in 0..50 {
            (0..10).for_each(|day| scene.refuse(&format!("typing-{number}"), day, 1));
        }
        assert_exact(store, &top(store, 20));
        // The refusals of the last, incomplete day bring another one to the top.
        let mut refused = samples::event(EventKind::SignIn, Outcome::WrongPassword, last_day());
        refused.origin.address = [192, 0, 2, 200].into();
        (0..900).for_each(|_| record(store, &refused_again(&refused)));
        let listed = top(store, 20);
        assert_eq!(listed.entries[0].address, "192.0.2.200", "{database:?}");
        assert_eq!(listed.entries[0].refusals, 900);
        assert_eq!((listed.entries.len(), listed.others_at_most), (20, None));
    });
}

#[test]
fn where_all_have_few_refusals_the_list_says_what_others_have_at_most() {
    TestDatabase::on_both(|database| {
        let (store, scene) = (database.store(), Scene::on(&database));
        for number in 0..60 {
            (0..10).for_each(|day| scene.refuse(&format!("typing-{number}"), day, 1));
        }
        (0..25).for_each(|number| scene.refuse(&format!("noisy-{number}"), 3, 2));
        let listed = top(store, 20);
        assert_eq!(listed.others_at_most, Some(10), "one on each of ten days");
        assert!(listed.entries.iter().all(|entry| entry.refusals == 2), "{listed:?}");
    });
}

struct Scene<'a> {
    store: &'a Store,
    is_sqlite: bool,
}

impl<'a> Scene<'a> {
    /// Ten days with more refusals than are summed one by one.
    fn on(database: &'a TestDatabase) -> Self {
        let is_sqlite = database.url().starts_with("sqlite:");
        let scene = Self { store: database.store(), is_sqlite };
        let hour = scene.time(0);
        let many = format!("INSERT INTO sign_in_hours VALUES ({hour}, 'locked', 1000000, 0)");
        scene.store.execute(&many).unwrap();
        scene
    }

    fn time(&self, day: u32) -> String {
        let at = first_day() + day * DAY;
        if self.is_sqlite { at.as_micros().to_string() } else { format!("'{at}'") }
    }

    fn refuse(&self, address: &str, day: u32, refusals: u32) {
        let key = if self.is_sqlite {
            format!("CAST('{address}' AS blob)")
        } else {
            format!("convert_to('{address}', 'UTF8')")
        };
        let day = self.time(day);
        let insert =
            format!("INSERT INTO sign_in_refusals VALUES ('address', {key}, {day}, {refusals})");
        self.store.execute(&insert).unwrap();
    }
}

fn first_day() -> portcullis_domain::Timestamp {
    Step::Day.ceil(NOW)
}

fn last_day() -> portcullis_domain::Timestamp {
    first_day() + 10 * DAY + Duration::from_secs(60)
}

fn refused_again(event: &portcullis_audit::SecurityEvent) -> portcullis_audit::SecurityEvent {
    let again = samples::event(event.kind, event.outcome, event.at);
    portcullis_audit::SecurityEvent { id: again.id, ..event.clone() }
}

fn top(store: &Store, most: usize) -> TopList<RefusedAddress> {
    let period = Period::new(first_day(), last_day() + Duration::from_secs(1), None).unwrap();
    let searched = samples::event(EventKind::AuditSearched, Outcome::Success, NOW);
    store.sign_in_counts(&period, most, &searched.into()).unwrap().addresses
}

/// Compares with the sums of all rows.
fn assert_exact(store: &Store, listed: &TopList<RefusedAddress>) {
    let sums = "SELECT CAST(sum(refusals) AS text) FROM sign_in_refusals
        GROUP BY key ORDER BY sum(refusals) DESC, key LIMIT 20";
    let numbers: Vec<_> = listed.entries.iter().map(|entry| entry.refusals.to_string()).collect();
    assert_eq!(numbers, store.texts(sums).unwrap());
    assert_eq!(listed.others_at_most, None);
}
