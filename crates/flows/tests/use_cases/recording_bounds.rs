//! Limits of the recording queue: decisions, bytes, and the share of one caller.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_domain::SystemClock;
use portcullis_flows::access::decision::{Answer, DecisionError, Pending, Question};
use portcullis_flows::audit::recording::{NotRecorded, RecordingPolicy};
use portcullis_flows::principal::Principal;
use portcullis_testkit::at_once;

use crate::recording_desk::{RecorderFixture, TIMEOUT, caller, large, may_list, policy, strict};

#[test]
fn a_full_queue_refuses_at_once_and_drops_nothing() {
    let full = RecordingPolicy { window: TIMEOUT, max_decisions: 8, ..policy() };
    let fixture = RecorderFixture::new(full, true);
    fixture.ask(vec![may_list(); 2]).unwrap();
    let refused = fixture.ask(vec![may_list(); 7]);
    assert!(matches!(refused, Err(DecisionError::NotRecorded(NotRecorded::NoRoom))));
    let state = fixture.recorder().state();
    assert_eq!((state.waiting, state.refused), (2, 1));
    fixture.store.is_down.store(false, Ordering::SeqCst);
    fixture.recorder().close(TIMEOUT);
    fixture.assert_intact(2);
}

#[test]
fn the_queue_is_bounded_by_bytes_whatever_it_is_filled_with() {
    let small = RecordingPolicy { window: TIMEOUT, max_bytes: 1 << 20, ..policy() };
    let fixture = RecorderFixture::new(small, true);
    let mut refused = 0;
    for kind in 0..400 {
        let mut question = match kind % 4 {
            0 => large(4_000),
            1 => Question::own(&"r".repeat(256), &"a".repeat(256)),
            _ => may_list(),
        };
        if kind % 4 == 2 {
            question.context.parties = Some(vec!["p".repeat(100); 32]);
            question.context.owner = Some("o".repeat(256));
        }
        let asked = fixture.decisions.at_once(fixture.caller.clone(), vec![question; 5]);
        refused += u32::from(asked.is_err());
        assert!(fixture.recorder().state().waiting_bytes <= 1 << 20);
    }
    assert!(refused > 100, "{refused}");
    assert!(fixture.recorder().state().waiting_bytes > 100_000);
}

#[test]
fn one_caller_cannot_push_out_another() {
    let small = RecordingPolicy { max_bytes: 1 << 20, ..strict() };
    let fixture = RecorderFixture::new(small, true);
    let other = caller(&fixture.deployment, "grace");
    at_once(64, |number| {
        let timeout = Duration::from_millis(400);
        if number < 63 {
            let flood = fixture.ask_as(&fixture.caller, vec![large(4_000); 16], timeout);
            assert!(flood.is_err());
            return;
        }
        while fixture.recorder().state().refused == 0 {
            std::thread::yield_now();
        }
        // The flood has all that it can get, and there is room.
        let pending = fixture.decisions.at_once(other.clone(), vec![may_list()]).unwrap_err();
        let Pending::Record(record) = pending else { panic!("nothing is to be read") };
        let ticket = fixture.decisions.record(record, |_| {});
        assert!(ticket.is_ok(), "{ticket:?}");
    });
}

#[test]
fn callers_that_wait_take_turns() {
    let fixture = RecorderFixture::new(strict(), true);
    let other = caller(&fixture.deployment, "grace");
    let (send, ended) = std::sync::mpsc::channel();
    let mut tickets = Vec::new();
    let mut wait = |caller: &Principal, questions, name: &'static str| {
        let pending = fixture.decisions.at_once(caller.clone(), questions).unwrap_err();
        let Pending::Record(record) = pending else { panic!("nothing is to be read") };
        let send = send.clone();
        let note = move |answer: Result<Vec<Answer>, _>| send.send((name, answer.is_ok())).unwrap();
        tickets.push(fixture.decisions.record(record, note).unwrap());
    };
    // The writer takes the first; then there are more bytes of one caller than it takes at once.
    wait(&fixture.caller, vec![may_list()], "first");
    while fixture.store.attempts.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    for _ in 0..20 {
        wait(&fixture.caller, (0..250).map(|_| large(4_000)).collect(), "flood");
    }
    wait(&other, vec![may_list()], "other");
    fixture.store.is_down.store(false, Ordering::SeqCst);
    let order: Vec<_> = ended.iter().take(22).collect();
    assert!(order.iter().all(|(_, is_stored)| *is_stored));
    let place = order.iter().position(|(name, _)| *name == "other").unwrap();
    assert!(place <= 2, "{order:?}");
    fixture.recorder().close(TIMEOUT);
    fixture.assert_intact(1 + 20 * 250 + 1);
}

#[test]
fn blocks_are_small_however_large_the_decisions_are() {
    let fixture = RecorderFixture::with(strict(), Arc::new(SystemClock::new()), |faulty| {
        faulty.refuses = |payload| payload.len() > (1 << 20) + 10_000;
    });
    at_once(4, |_| fixture.ask((0..500).map(|_| large(4_000)).collect()).unwrap());
    let state = fixture.recorder().state();
    assert_eq!((state.recorded, state.failures), (2_000, 0));
    assert!(fixture.deployment.count("decision_blocks") >= 8);
    fixture.assert_intact(2_000);
}
