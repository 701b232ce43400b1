//! Clock watch: a node detects that its clock differs from that of the database.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{Clock, Timestamp};
use portcullis_flows::node::clock_watch::ClockWatch;
use portcullis_testkit::{TestClock, TestDatabase};

use crate::deployment::{HOUR, SECOND};

/// A node beside the database, whose clock differs from that of the database by so much.
fn watch(database: &TestDatabase, difference: impl Fn(Timestamp) -> Timestamp) -> ClockWatch {
    let clock = TestClock::at(difference(database.clock().now()));
    ClockWatch::new(Arc::new(database.store().clone()), Arc::new(clock))
}

#[test]
fn a_clock_is_off_when_it_is_more_than_five_seconds_ahead_or_behind() {
    TestDatabase::on_both(|database| {
        let just_right = 5 * SECOND;
        let off = just_right + Duration::from_millis(1);
        for (difference, expected) in
            [(Duration::ZERO, false), (just_right, false), (off, true), (HOUR, true)]
        {
            let ahead = watch(&database, |now| now + difference);
            let offset = ahead.compare().unwrap();
            assert_eq!((offset.size(), ahead.is_off()), (difference, expected), "{offset}");
            let behind = watch(&database, |now| now - difference);
            let offset = behind.compare().unwrap();
            assert_eq!((offset.size(), behind.is_off()), (difference, expected), "{offset}");
        }
    });
}

#[test]
fn a_clock_that_is_set_right_is_not_off_any_more() {
    let database = TestDatabase::postgres();
    let clock = Arc::new(TestClock::at(database.clock().now() - HOUR));
    let watch = ClockWatch::new(Arc::new(database.store().clone()), clock.clone());
    assert!(!watch.is_off(), "nothing was compared yet");
    watch.compare().unwrap();
    assert_eq!((watch.is_off(), watch.offset().as_seconds()), (true, -3600.0));
    clock.set(database.clock().now());
    watch.compare().unwrap();
    assert_eq!((watch.is_off(), watch.offset().as_seconds()), (false, 0.0));
}
