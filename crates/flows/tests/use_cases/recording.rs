use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_audit::{Block, DecisionId, Link};
use portcullis_domain::{SystemClock, SystemRandom};
use portcullis_flows::StoreError;
use portcullis_flows::account::Accounts;
use portcullis_flows::decision::{Answer, Caller, DecisionError, Decisions, Question};
use portcullis_flows::matrix::ActiveMatrix;
use portcullis_flows::recording::{DecisionStore, Recorder, RecordingPolicy};
use portcullis_flows::trail::{Reader, Trail};
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::house::House;

/// The real store, when it is up.
struct Fickle {
    store: Arc<dyn DecisionStore>,
    is_down: AtomicBool,
    attempts: AtomicU64,
}

impl DecisionStore for Fickle {
    fn append(&self, sequence: u64, link: Link, block: &Block) -> Result<(), StoreError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the disk is full".to_owned()));
        }
        self.store.append(sequence, link, block)
    }
}

struct Desk {
    house: House,
    store: Arc<Fickle>,
    decisions: Decisions,
    caller: Caller,
}

impl Desk {
    fn new(policy: RecordingPolicy, is_down: bool) -> Self {
        let house = House::new();
        let ada = house.enrol("ada");
        let store = house.database.store().clone();
        let fickle = Arc::new(Fickle {
            store: Arc::new(store.clone()),
            is_down: AtomicBool::new(is_down),
            attempts: AtomicU64::new(0),
        });
        let clock = Arc::new(SystemClock::new());
        let recorder = Recorder::start(
            fickle.clone(),
            TestDatabase::audit_keys(),
            policy,
            clock.clone(),
            &SystemRandom,
        );
        let decisions = Decisions::new(
            Arc::new(ActiveMatrix::new(samples::matrix()).unwrap()),
            Arc::new(Accounts::start(Arc::new(store)).unwrap()),
            Arc::new(recorder.unwrap()),
            clock,
        );
        let caller = Caller {
            account: ada.id,
            role: ada.role,
            session: samples::session(),
            origin: samples::origin(),
        };
        Self { house, store: fickle, decisions, caller }
    }

    /// Asks, waiting if need be.
    fn ask(&self, questions: Vec<Question>) -> Result<Vec<Answer>, DecisionError> {
        match self.decisions.at_once(self.caller.clone(), questions) {
            Ok(answers) => answers,
            Err(pending) => self.decisions.later(pending, PATIENCE),
        }
    }

    fn reason_of(&self, decision: DecisionId) -> Option<String> {
        let store = Arc::new(self.house.database.store().clone());
        let trail = Trail::new(store, Arc::new(SystemClock::new()), Arc::new(SystemRandom));
        let reader = Reader::operator(samples::origin());
        let found = trail.decision(&reader, decision).unwrap();
        found.map(|entry| entry.reason.unwrap().into_owned())
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn policy() -> RecordingPolicy {
    RecordingPolicy::default()
}

fn strict() -> RecordingPolicy {
    RecordingPolicy { strict: true, ..policy() }
}

fn may_list() -> Question {
    Question::own("schedule", "list")
}

#[test]
fn what_strict_recording_answers_is_stored_with_its_reason() {
    let desk = Desk::new(strict(), false);
    let asked =
        vec![may_list(), Question::own("schedule", "delete"), Question::own("moon", "read")];
    let answers = desk.ask(asked).unwrap();
    let allowed: Vec<bool> = answers.iter().map(|answer| answer.allowed).collect();
    assert_eq!(allowed, [true, false, false]);
    let reasons: Vec<String> =
        answers.iter().map(|answer| desk.reason_of(answer.decision).unwrap()).collect();
    assert!(reasons[0].contains("msa") && reasons[0].contains("schedule"), "{reasons:?}");
    assert!(reasons[1].starts_with("denied"), "{reasons:?}");
    assert!(reasons[2].contains("moon") || reasons[2].contains("unknown"), "{reasons:?}");
}

#[test]
fn closing_writes_what_waits_and_takes_nothing_more() {
    let desk = Desk::new(RecordingPolicy { window: PATIENCE, ..policy() }, false);
    let answers = desk.ask(vec![may_list(); 10]).unwrap();
    assert_eq!(desk.reason_of(answers[9].decision), None);
    desk.decisions.recorder().close();
    assert!(answers.iter().all(|answer| desk.reason_of(answer.decision).is_some()));
    assert!(matches!(desk.ask(vec![may_list()]), Err(DecisionError::NotRecorded(_))));
    let state = desk.decisions.recorder().state();
    assert_eq!((state.waiting, state.recorded, state.lag), (0, 10, Duration::ZERO));
}

#[test]
fn every_decision_of_many_threads_is_stored_once_under_the_id_that_was_told() {
    let desk = Desk::new(policy(), false);
    let told = at_once(8, |_| {
        let ask = |_| desk.ask(vec![may_list(), Question::own("schedule", "delete")]).unwrap();
        (0..200).flat_map(ask).collect::<Vec<Answer>>()
    });
    desk.decisions.recorder().close();
    let told: Vec<Answer> = told.into_iter().flatten().collect();
    let ids: BTreeSet<DecisionId> = told.iter().map(|answer| answer.decision).collect();
    assert_eq!(ids.len(), 8 * 200 * 2);
    assert!(desk.house.count("decision_blocks") > 0);
    for answer in told.iter().step_by(97) {
        let reason = desk.reason_of(answer.decision).unwrap();
        assert_eq!(answer.allowed, reason.starts_with("granted"), "{reason}");
    }
    assert_eq!(desk.decisions.recorder().state().recorded, 8 * 200 * 2);
}

#[test]
fn a_database_that_comes_back_has_lost_nothing() {
    let desk = Desk::new(policy(), true);
    let answers = desk.ask(vec![may_list(); 3]).unwrap();
    while desk.store.attempts.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    desk.store.is_down.store(false, Ordering::SeqCst);
    desk.decisions.recorder().close();
    assert!(answers.iter().all(|answer| desk.reason_of(answer.decision).is_some()));
    assert!(desk.decisions.recorder().state().failures >= 2);
}

#[test]
fn once_the_window_is_over_nobody_is_answered_before_the_commit() {
    let window = Duration::from_millis(1);
    let desk = Desk::new(RecordingPolicy { window, ..policy() }, true);
    desk.ask(vec![may_list()]).unwrap();
    while desk.decisions.recorder().state().lag < window {
        std::thread::yield_now();
    }
    let pending = desk.decisions.at_once(desk.caller.clone(), vec![may_list()]).unwrap_err();
    let refused = desk.decisions.later(pending, Duration::from_millis(30));
    assert!(matches!(refused, Err(DecisionError::NotRecorded(_))));
    desk.store.is_down.store(false, Ordering::SeqCst);
    desk.ask(vec![may_list()]).unwrap();
    desk.decisions.recorder().close();
    assert_eq!(desk.decisions.recorder().state().recorded, 3, "the refused one was recorded too");
}

#[test]
fn a_full_queue_lets_callers_wait_for_room_and_drops_nothing() {
    let full = RecordingPolicy { window: PATIENCE, most_waiting: 4, ..policy() };
    let desk = Desk::new(full, true);
    desk.ask(vec![may_list(); 4]).unwrap();
    let pending = desk.decisions.at_once(desk.caller.clone(), vec![may_list()]).unwrap_err();
    let refused = desk.decisions.later(pending, Duration::from_millis(30));
    assert!(matches!(refused, Err(DecisionError::NotRecorded(_))));
    assert_eq!(desk.decisions.recorder().state().waiting, 4);
    desk.store.is_down.store(false, Ordering::SeqCst);
    desk.decisions.recorder().close();
    assert_eq!(desk.decisions.recorder().state().recorded, 4);
}

#[test]
fn closing_without_a_database_comes_to_an_end() {
    let desk = Desk::new(policy(), true);
    desk.ask(vec![may_list()]).unwrap();
    desk.decisions.recorder().close();
    assert_eq!(desk.decisions.recorder().state().recorded, 0);
    assert_eq!(desk.house.count("decision_blocks"), 0);
}

#[test]
fn two_runs_never_give_the_same_id() {
    let desk = Desk::new(strict(), false);
    let other = Desk::new(strict(), false);
    let ids = [&desk, &other].map(|desk| desk.ask(vec![may_list()]).unwrap()[0].decision);
    assert_ne!(ids[0].chain, ids[1].chain);
}
