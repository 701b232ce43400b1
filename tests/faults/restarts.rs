//! Rolling restarts: nodes stop one after the other behind a load balancer.

use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use portcullis_testkit::{Browser, ServerProcess, StopSignal, TestDatabase};

use crate::environment::{folder, start, take_turn};

const RESTARTS: usize = 20;
const CLIENTS: usize = 4;

/// Longer than this test, which ends the delay itself.
const DELAY: (&str, &str) = ("PORTCULLIS__SERVER__SHUTDOWN_DELAY_MS", "60000");

/// The origin of a node. A request holds the lock, so that the origin does not change meanwhile.
type NodeOrigin = RwLock<Option<String>>;

#[test]
fn no_request_is_lost_in_twenty_rolling_restarts() {
    let _turn = take_turn();
    let database = TestDatabase::postgres();
    let folders = [folder(), folder()];
    let mut nodes = folders.each_ref().map(|data| start(data.path(), database.url(), &[DELAY]));
    let places = nodes.each_ref().map(|node| RwLock::new(Some(node.origin().to_owned())));
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        let stop_signal = StopSignal::default();
        for client in 0..CLIENTS {
            let (places, answered, stop) = (&places, &answered, stop_signal.receiver());
            scope.spawn(move || {
                let mut kept: [Option<(String, Browser)>; 2] = [None, None];
                while !stop.is_over() {
                    for (place, kept) in places.iter().zip(&mut kept) {
                        ask(place, kept, client % 2 == 0, answered);
                    }
                }
            });
        }
        for restart in 0..RESTARTS {
            let (node, place) = (&mut nodes[restart % 2], &places[restart % 2]);
            let before = answered.load(Ordering::Relaxed);
            while answered.load(Ordering::Relaxed) < before + 10 * CLIENTS {
                thread::yield_now();
            }
            stop(node, place);
            node.restart();
            *place.write().expect("nobody panics") = Some(node.origin().to_owned());
        }
    });
}

/// Sends one request, on a new or a kept connection. A request without an answer is a panic.
fn ask(
    place: &NodeOrigin,
    kept: &mut Option<(String, Browser)>,
    fresh: bool,
    answered: &AtomicUsize,
) {
    let origin = place.read().expect("nobody panics");
    let Some(origin) = origin.as_ref() else { return };
    if fresh || kept.as_ref().is_none_or(|(known, _)| known != origin) {
        *kept = Some((origin.clone(), Browser::at(origin)));
    }
    let (_, browser) = kept.as_mut().expect("it was just put there");
    assert_eq!(browser.get("/health/live", &[]).status, 200);
    answered.fetch_add(1, Ordering::Relaxed);
}

/// Stops a node as an orchestrator does, and sends it no more requests once it is not ready.
fn stop(node: &mut ServerProcess, place: &NodeOrigin) {
    node.ask_to_stop();
    while Browser::at(node.origin()).get("/health/ready", &[]).status == 200 {}
    *place.write().expect("nobody panics") = None;
    node.ask_to_stop();
    let status = node.ended_within(Duration::from_secs(10)).expect("it stops in time");
    assert_eq!(status.code(), Some(0), "{}", node.log());
}
