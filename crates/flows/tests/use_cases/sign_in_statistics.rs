//! The statistics of sign-ins: their numbers are those of the audit log, counted or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_audit::Origin;
use portcullis_domain::AccountId;
use portcullis_flows::audit::sign_in_statistics::{
    MAX_BUCKETS, Period, PeriodError, SignInBucket, SignInReport, SignInStatistics,
    SignInStatisticsStore, Step,
};
use portcullis_flows::sign_in::SignInRequest;
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::administration::sign_in;
use crate::deployment::{DAY, Deployment, HOUR, MINUTE, Node, SECOND, guess};

fn statistics(deployment: &Deployment) -> SignInStatistics {
    let store = Arc::new(deployment.database.store().clone());
    SignInStatistics::new(store, deployment.ambient())
}

/// The numbers of the last day.
fn read(deployment: &Deployment) -> SignInReport {
    let statistics = statistics(deployment);
    let period = statistics.period(None, None, None).unwrap();
    statistics.read(&samples::operator(), period).unwrap()
}

fn refuse(node: &Node, name: &str, last: u8) {
    let origin = Origin { address: [198, 51, 100, last].into(), ..samples::origin() };
    node.sign_in.sign_in(&SignInRequest { origin, ..guess(name) }).unwrap_err();
}

/// Six refusals within two hours, and two sign-ins after them.
fn busy(database: TestDatabase) -> (Deployment, AccountId) {
    let deployment = Deployment::on(database);
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    deployment.enrol("grace");
    for (name, last) in
        [("ada", 1), ("ada", 1), ("grace", 2), ("nobody", 2), ("ada", 1), ("nobody", 1)]
    {
        refuse(&node, name, last);
        deployment.pass(20 * MINUTE);
    }
    sign_in(&node, "ada");
    sign_in(&node, "grace");
    deployment.pass(SECOND);
    (deployment, ada.id)
}

#[test]
fn every_number_is_that_of_the_audit_log_whether_the_events_were_counted_or_not() {
    TestDatabase::on_both(|database| {
        let (deployment, ada) = busy(database);
        let report = read(&deployment);
        let refused: BTreeMap<_, _> = [("unknown_account", 2), ("wrong_password", 4)]
            .map(|(outcome, events)| (outcome.to_owned(), events))
            .into();
        assert_eq!((report.total.successes, &report.total.refusals), (2, &refused));
        assert_eq!((report.total.refused(), report.without_account), (6, 2));
        let outcomes = ["success 2", "unknown_account 2", "wrong_password 4"];
        assert_eq!(deployment.outcomes("sign_in"), outcomes);

        assert_eq!((report.period.step(), report.buckets.len()), (Step::Hour, 25));
        let of_hours: Vec<_> =
            report.buckets.iter().map(|bucket| (bucket.refused(), bucket.successes)).collect();
        assert_eq!(of_hours[22..], [(3, 0), (3, 0), (0, 2)]);
        assert!(of_hours[..22].iter().all(|hour| *hour == (0, 0)), "{of_hours:?}");
        // The clock of a test begins on a Friday at 8 o'clock UTC.
        let friday = 4 * 24 + 8;
        assert_eq!(report.by_hour_of_week[friday..friday + 3], [3, 3, 0]);
        assert_eq!(report.by_hour_of_week.iter().sum::<u64>(), 6);

        let accounts = &report.accounts.entries;
        let named: Vec<_> = accounts
            .iter()
            .map(|entry| (entry.username.as_ref().unwrap().as_str(), entry.refusals))
            .collect();
        assert_eq!(named, [("ada", 3), ("grace", 1)]);
        assert_eq!((accounts[0].account, report.accounts.others_at_most), (ada, None));
        let addresses: Vec<_> = report
            .addresses
            .entries
            .iter()
            .map(|entry| (entry.address.as_str(), entry.refusals))
            .collect();
        assert_eq!(addresses, [("198.51.100.1", 4), ("198.51.100.2", 2)]);

        while deployment.database.store().count_sign_ins(3).unwrap().more {}
        assert_eq!(read(&deployment), report);
    });
}

#[test]
fn nodes_that_count_at_once_count_every_event_once() {
    TestDatabase::on_both_crowded(|database| {
        let (deployment, _) = busy(database);
        let before = read(&deployment);
        at_once(4, |_| while deployment.database.store().count_sign_ins(2).unwrap().more {});
        assert_eq!(read(&deployment), before);
    });
}

#[test]
fn a_deleted_account_is_listed_without_a_name() {
    let (deployment, ada) = busy(TestDatabase::sqlite());
    let store = deployment.database.store();
    for table in ["refresh_tokens", "sessions", "sign_in_failures", "devices"] {
        store.execute(&format!("DELETE FROM {table}")).unwrap();
    }
    store.execute("DELETE FROM accounts WHERE username = 'ada'").unwrap();
    let report = read(&deployment);
    let first = &report.accounts.entries[0];
    assert_eq!((first.account, &first.username, first.refusals), (ada, &None, 3));
}

#[test]
fn a_reading_is_recorded_as_a_search_for_sign_ins_of_its_period() {
    let (deployment, _) = busy(TestDatabase::sqlite());
    let period = read(&deployment).period;
    let details = deployment.details("audit_searched");
    let [details] = &details[..] else { panic!("{details:?}") };
    assert!(details.contains(r#""kind":"sign_in""#), "{details}");
    for time in [period.from(), period.until()] {
        assert!(details.contains(&time.to_string()), "{time}: {details}");
    }
    let query = "SELECT outcome || ' ' || actor FROM security_events WHERE kind = 'audit_searched'";
    assert_eq!(deployment.database.store().texts(query).unwrap(), ["success operator"]);
}

#[test]
fn only_what_is_in_the_period_is_counted_to_the_minute() {
    TestDatabase::on_both(|database| {
        let (deployment, _) = busy(database);
        let statistics = statistics(&deployment);
        let (first, minutes) = (samples::NOW, |number| number * MINUTE);
        let refused = |from, until| {
            let (from, until) = (first + minutes(from), first + minutes(until));
            let period = statistics.period(Some(from), Some(until), Some(Step::Minute)).unwrap();
            let report = statistics.read(&samples::operator(), period).unwrap();
            assert_eq!(
                report.buckets.len(),
                usize::try_from(until.since(from).as_secs() / 60).unwrap()
            );
            assert_eq!(
                report.buckets.iter().map(SignInBucket::refused).sum::<u64>(),
                report.total.refused()
            );
            report.total.refused()
        };
        assert_eq!(refused(0, 1), 1, "the first one");
        assert_eq!(refused(1, 20), 0);
        assert_eq!(refused(1, 21), 1, "the second one");
        assert_eq!(refused(20, 100), 4, "the end is exclusive");
    });
}

#[test]
fn a_period_is_the_last_day_unless_something_else_is_asked_for_and_is_never_empty() {
    let deployment = Deployment::new();
    let statistics = statistics(&deployment);
    let now = deployment.now();
    let period = statistics.period(None, None, None).unwrap();
    assert_eq!((period.from(), period.until(), period.step()), (now - DAY, now, Step::Hour));
    let earlier = statistics.period(None, Some(now - HOUR), None).unwrap();
    assert_eq!((earlier.from(), earlier.until()), (now - HOUR - DAY, now - HOUR));
    let empty = statistics.period(Some(now), None, None);
    assert_eq!(empty, Err(PeriodError::Empty));
    let long = statistics.period(None, None, Some(Step::Minute));
    assert_eq!(long, Err(PeriodError::TooLong(Step::Minute)));
    let most = u32::try_from(MAX_BUCKETS).unwrap();
    assert!(Period::new(now, now + most * MINUTE, Some(Step::Minute)).is_ok());
}

#[test]
fn a_step_is_read_as_it_is_written() {
    for (step, word) in [(Step::Minute, "minute"), (Step::Hour, "hour"), (Step::Day, "day")] {
        assert_eq!((step.as_str(), Step::parse(word)), (word, Some(step)));
    }
    assert_eq!(Step::parse("week"), None);
    assert_eq!(Step::parse("Hour"), None);
}
