//! Two servers on one PostgreSQL: an activation on one takes effect on the other, and both record.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::TestDatabase;

use crate::environment::{server_on, take_turn};
use crate::link::Link;
use crate::trail::{self, Client, Notes, Recorded};

/// The timeout of an activation on the other node.
const TIMEOUT: Duration = Duration::from_secs(1);

#[test]
fn what_one_node_activates_decides_on_the_other_within_a_second_and_both_record() {
    const ACTIVATIONS: u64 = 50;
    let _turn = take_turn();
    let database = TestDatabase::postgres();
    let ((mut one, _data), (mut other, _other_data)) = (server_on(&database), server_on(&database));
    let clock = Arc::new(SystemClock::new());
    let mut chief = Client::admin(one.origin(), "chief", Arc::clone(&clock), &database);
    let mut client = Client::new(other.origin(), "ada", Arc::clone(&clock));
    let (here, there) = (&Link::to(one.origin()), &Link::to(other.origin()));
    let mut waits = Vec::new();
    for number in 0..ACTIVATIONS {
        let is_second = number % 2 == 0;
        chief.activate(here, if is_second { 2 } else { 1 }).expect("the node works");
        let begun = clock.monotonic();
        while client.ask(there).expect("the node works") != is_second {
            let waited = clock.monotonic().saturating_sub(begun);
            assert!(waited < TIMEOUT, "activation {number} is not followed after {waited:?}");
        }
        waits.push(clock.monotonic().saturating_sub(begun));
        chief.ask(here).expect("the node works");
    }
    percentiles("activations decided on the other node", waits);

    for server in [&mut one, &mut other] {
        assert_eq!(server.terminate().code(), Some(0));
        assert!(!server.log().contains("panicked"), "{}", server.log());
    }
    let notes = Notes::of([&chief.notes, &client.notes]);
    let recorded = Recorded::read(&one);
    assert_eq!(trail::broken(&recorded, &notes, Duration::ZERO), Vec::<String>::new());
    assert_eq!(trail::lost(&recorded, &notes), 0);
    trail::verify(&other, None).assert_intact();
}

/// Prints how such times are distributed, past the capture of the test harness: they are what a reader
/// wants to see.
pub(crate) fn percentiles(what: &str, mut waits: Vec<Duration>) {
    waits.sort();
    let at = |percent: usize| waits[(waits.len() * percent).div_ceil(100) - 1].as_millis();
    let [half, most, all] = [50, 99, 100].map(at);
    let count = waits.len();
    let line =
        format!("{what} after {half} ms (p50), {most} ms (p99), {all} ms at most; {count}\n");
    drop(io::stderr().write_all(line.as_bytes()));
}
