//! Tests of the recording of decisions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_audit::DecisionId;
use portcullis_domain::SystemClock;
use portcullis_flows::access::decision::{Answer, DecisionError, Question};
use portcullis_flows::audit::recording::{LostDecisions, NotRecorded, RecordingPolicy};
use portcullis_testkit::{TestClock, at_once};

use crate::recording_desk::{
    RecorderFixture, TIMEOUT, is_poisoned, large, may_list, policy, strict,
};

#[test]
fn what_strict_recording_answers_is_stored_with_its_reason() {
    let fixture = RecorderFixture::new(strict(), false);
    let asked =
        vec![may_list(), Question::own("schedule", "delete"), Question::own("moon", "read")];
    let answers = fixture.ask(asked).unwrap();
    let allowed: Vec<bool> = answers.iter().map(|answer| answer.allowed).collect();
    assert_eq!(allowed, [true, false, false]);
    let reasons: Vec<String> =
        answers.iter().map(|answer| fixture.reason_of(answer.decision).unwrap()).collect();
    assert!(reasons[0].contains("msa") && reasons[0].contains("schedule"), "{reasons:?}");
    assert!(reasons[1].starts_with("denied"), "{reasons:?}");
    assert!(reasons[2].contains("moon") || reasons[2].contains("unknown"), "{reasons:?}");
}

#[test]
fn closing_writes_what_waits_and_takes_nothing_more() {
    let fixture = RecorderFixture::new(RecordingPolicy { window: TIMEOUT, ..policy() }, false);
    let answers = fixture.ask(vec![may_list(); 10]).unwrap();
    assert_eq!(fixture.reason_of(answers[9].decision), None);
    fixture.decisions.recorder().close(TIMEOUT);
    assert!(answers.iter().all(|answer| fixture.reason_of(answer.decision).is_some()));
    assert!(matches!(fixture.ask(vec![may_list()]), Err(DecisionError::NotRecorded(_))));
    let state = fixture.decisions.recorder().state();
    assert_eq!((state.waiting, state.recorded, state.lag), (0, 10, Duration::ZERO));
}

#[test]
fn every_decision_of_many_threads_is_stored_once_under_the_id_that_was_told() {
    let fixture = RecorderFixture::new(policy(), false);
    let told = at_once(8, |_| {
        let ask = |_| fixture.ask(vec![may_list(), Question::own("schedule", "delete")]).unwrap();
        (0..200).flat_map(ask).collect::<Vec<Answer>>()
    });
    fixture.decisions.recorder().close(TIMEOUT);
    let told: Vec<Answer> = told.into_iter().flatten().collect();
    let ids: BTreeSet<DecisionId> = told.iter().map(|answer| answer.decision).collect();
    assert_eq!(ids.len(), 8 * 200 * 2);
    assert!(fixture.deployment.count("decision_blocks") > 0);
    for answer in told.iter().step_by(97) {
        let reason = fixture.reason_of(answer.decision).unwrap();
        assert_eq!(answer.allowed, reason.starts_with("granted"), "{reason}");
    }
    assert_eq!(fixture.decisions.recorder().state().recorded, 8 * 200 * 2);
}

#[test]
fn a_database_that_comes_back_has_lost_nothing() {
    let fixture = RecorderFixture::new(policy(), true);
    let answers = fixture.ask(vec![may_list(); 3]).unwrap();
    while fixture.decisions.recorder().state().failures < 2 {
        std::thread::yield_now();
    }
    fixture.store.is_down.store(false, Ordering::SeqCst);
    fixture.decisions.recorder().close(TIMEOUT);
    assert!(answers.iter().all(|answer| fixture.reason_of(answer.decision).is_some()));
}

#[test]
fn once_the_window_is_over_nobody_is_answered_before_the_commit() {
    let window = Duration::from_millis(1);
    let fixture = RecorderFixture::new(RecordingPolicy { window, ..policy() }, true);
    fixture.ask(vec![may_list()]).unwrap();
    while fixture.decisions.recorder().state().lag < window {
        std::thread::yield_now();
    }
    let pending = fixture.decisions.at_once(fixture.caller.clone(), vec![may_list()]).unwrap_err();
    let refused = fixture.decisions.later(pending, Duration::from_millis(30));
    assert!(matches!(refused, Err(DecisionError::NotRecorded(_))));
    fixture.store.is_down.store(false, Ordering::SeqCst);
    fixture.ask(vec![may_list()]).unwrap();
    fixture.decisions.recorder().close(TIMEOUT);
    assert_eq!(fixture.decisions.recorder().state().recorded, 2, "the refused one left the queue");
    fixture.assert_intact(2);
}

#[test]
fn a_request_that_is_given_up_leaves_the_queue_and_no_gap() {
    let fixture = RecorderFixture::new(strict(), true);
    let timeout = Duration::from_millis(30);
    // The writer takes one; the others wait behind it and give up.
    let ask = || fixture.ask_as(&fixture.caller, vec![may_list()], timeout);
    std::thread::scope(|scope| {
        let first = scope.spawn(ask);
        while fixture.store.attempts.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        assert!(at_once(3, |_| ask()).iter().all(Result::is_err));
        assert!(first.join().unwrap().is_err());
    });
    assert_eq!(fixture.recorder().state().waiting, 1);
    fixture.store.is_down.store(false, Ordering::SeqCst);
    let answers = fixture.ask(vec![may_list(); 2]).unwrap();
    assert!(answers.iter().all(|answer| fixture.reason_of(answer.decision).is_some()));
    fixture.recorder().close(TIMEOUT);
    fixture.assert_intact(3);
}

#[test]
fn a_block_that_is_refused_while_other_writes_succeed_is_split() {
    let fixture = RecorderFixture::with(strict(), Arc::new(SystemClock::new()), |faulty| {
        faulty.refuses = |payload| payload.len() > 3_000;
    });
    let answers = fixture.ask((0..100).map(|_| large(1_000)).collect()).unwrap();
    assert!(answers.iter().all(|answer| fixture.reason_of(answer.decision).is_some()));
    assert!(fixture.deployment.count("decision_blocks") >= 50);
    assert_eq!(fixture.recorder().state().quarantined, 0);
    fixture.assert_intact(100);
    // It finds its way back to large blocks, and holds up nobody.
    fixture.ask(vec![may_list(); 10]).unwrap();
    fixture.assert_intact(110);
}

#[test]
fn a_decision_that_is_refused_alone_is_quarantined_and_blocks_no_other() {
    let fixture = RecorderFixture::with(strict(), Arc::new(SystemClock::new()), |faulty| {
        faulty.refuses = is_poisoned;
    });
    let mut questions = vec![may_list(); 9];
    questions[4].context.owner = Some("poison".to_owned());
    let answers = fixture.ask(questions).unwrap();
    for (number, answer) in answers.iter().enumerate() {
        let reason = fixture.reason_of(answer.decision).unwrap();
        assert_eq!(reason.starts_with("withheld"), number == 4, "{number}: {reason}");
        assert!(answer.allowed);
    }
    assert_eq!(fixture.recorder().state().quarantined, 1);
    let quarantined = "security_events WHERE kind = 'decision_quarantined' AND outcome = 'allowed'";
    assert_eq!(fixture.deployment.count(quarantined), 1);
    fixture.assert_intact(9);
    fixture.ask(vec![may_list(); 2]).unwrap();
    fixture.assert_intact(11);
}

#[test]
fn nothing_is_split_or_quarantined_while_the_database_is_away() {
    let fixture = RecorderFixture::new(policy(), true);
    let answers = fixture.ask(vec![may_list(); 50]).unwrap();
    while fixture.store.attempts.load(Ordering::SeqCst) < 8 {
        std::thread::yield_now();
    }
    fixture.store.is_down.store(false, Ordering::SeqCst);
    fixture.recorder().close(TIMEOUT);
    assert_eq!(fixture.deployment.count("decision_blocks"), 1);
    assert_eq!(fixture.recorder().state().quarantined, 0);
    assert!(fixture.reason_of(answers[49].decision).is_some());
}

#[test]
fn a_commit_whose_answer_is_lost_counts_once_also_in_parts() {
    let fixture = RecorderFixture::with(strict(), Arc::new(SystemClock::new()), |faulty| {
        faulty.refuses = |payload| payload.len() > 3_000;
        faulty.lost_answers = AtomicU64::new(5);
    });
    let answers = fixture.ask((0..40).map(|_| large(1_000)).collect()).unwrap();
    assert!(answers.iter().all(|answer| fixture.reason_of(answer.decision).is_some()));
    assert_eq!(fixture.store.lost_answers.load(Ordering::SeqCst), 0);
    assert_eq!(fixture.recorder().state().recorded, 40);
    fixture.assert_intact(40);
}

#[test]
fn a_recorder_that_writes_nothing_although_something_waits_is_stalled() {
    let clock = Arc::new(TestClock::new());
    let fixture = RecorderFixture::with(policy(), clock.clone(), |faulty| {
        faulty.is_down = AtomicBool::new(true);
    });
    clock.advance(TIMEOUT);
    assert!(!fixture.recorder().state().is_stalled(), "nothing waits");
    fixture.ask(vec![may_list()]).unwrap();
    clock.advance(Duration::from_millis(4_999));
    assert!(!fixture.recorder().state().is_stalled());
    clock.advance(Duration::from_millis(1));
    assert!(fixture.recorder().state().is_stalled());
    fixture.store.is_down.store(false, Ordering::SeqCst);
    fixture.recorder().close(TIMEOUT);
    assert!(!fixture.recorder().state().is_stalled());
}

#[test]
fn closing_without_a_database_comes_to_an_end_and_names_what_is_lost() {
    let fixture = RecorderFixture::new(policy(), true);
    let answers = fixture.ask(vec![may_list(); 3]).unwrap();
    let (first, last) = (answers[0].decision, answers[2].decision);
    let unrecorded = fixture.recorder().close(Duration::from_millis(50));
    assert_eq!(unrecorded, Some(LostDecisions { decisions: 3, first, last }));
    assert_eq!(fixture.recorder().state().recorded, 0);
    assert_eq!(fixture.deployment.count("decision_blocks"), 0);
}

#[test]
fn whoever_waits_is_refused_when_the_server_closes_and_counts_as_nothing_lost() {
    let fixture = RecorderFixture::new(strict(), true);
    at_once(5, |number| {
        if number < 4 {
            let refused = fixture.ask(vec![may_list()]);
            let closing = DecisionError::NotRecorded(NotRecorded::Closing);
            assert_eq!(refused.map_err(|error| error.to_string()), Err(closing.to_string()));
            return;
        }
        while fixture.recorder().state().waiting < 4 {
            std::thread::yield_now();
        }
        assert_eq!(fixture.recorder().close(Duration::from_millis(50)), None);
    });
}

#[test]
fn two_runs_never_give_the_same_id() {
    let fixture = RecorderFixture::new(strict(), false);
    let other = RecorderFixture::new(strict(), false);
    let ids = [&fixture, &other].map(|fixture| fixture.ask(vec![may_list()]).unwrap()[0].decision);
    assert_ne!(ids[0].chain, ids[1].chain);
}
