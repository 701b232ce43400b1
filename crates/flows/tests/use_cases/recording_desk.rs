//! A recorder over a store that fails on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_audit::{Block, ChainId, DecisionId, Link};
use portcullis_domain::{Ambient, Clock, SystemClock, SystemRandom};
use portcullis_flows::StoreError;
use portcullis_flows::access::decision::{Answer, Attributes, DecisionError, Decisions, Question};
use portcullis_flows::access::matrix::ActiveMatrix;
use portcullis_flows::audit::recording::{DecisionStore, Recorder, RecordingPolicy};
use portcullis_flows::audit::trail::AuditLog;
use portcullis_flows::audit::verification::Verification;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::principal::Principal;
use portcullis_testkit::{TestDatabase, samples};
use serde_json::{Map, Value};

use crate::deployment::Deployment;

/// The real store, with failures on demand.
pub(crate) struct FaultyStore {
    store: Arc<dyn DecisionStore>,
    pub(crate) is_down: AtomicBool,
    pub(crate) attempts: AtomicU64,
    /// Blocks with such payloads are refused.
    pub(crate) refuses: fn(&[u8]) -> bool,
    /// So many commits succeed and are answered as if they had not.
    pub(crate) lost_answers: AtomicU64,
}

impl FaultyStore {
    fn up(&self) -> Result<(), StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the disk is full".to_owned()));
        }
        Ok(())
    }
}

impl DecisionStore for FaultyStore {
    fn append(
        &self,
        sequence: u64,
        link: Link,
        block: &Block,
        effects: &Effects,
    ) -> Result<(), StoreError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        self.up()?;
        if (self.refuses)(&block.payload) {
            return Err(StoreError::Unavailable("the statement took too long".to_owned()));
        }
        self.store.append(sequence, link, block, effects)?;
        let lose = |left: u64| left.checked_sub(1);
        match self.lost_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose) {
            Ok(_) => Err(StoreError::Unavailable("the connection was closed".to_owned())),
            Err(_) => Ok(()),
        }
    }

    fn link_at(&self, chain: ChainId, sequence: u64) -> Result<Option<Link>, StoreError> {
        self.up()?;
        self.store.link_at(chain, sequence)
    }

    fn takes_writes(&self) -> Result<(), StoreError> {
        self.up()?;
        self.store.takes_writes()
    }
}

pub(crate) struct RecorderFixture {
    pub(crate) deployment: Deployment,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) decisions: Decisions,
    pub(crate) caller: Principal,
}

impl RecorderFixture {
    pub(crate) fn new(policy: RecordingPolicy, is_down: bool) -> Self {
        Self::with(policy, Arc::new(SystemClock::new()), |faulty| {
            faulty.is_down = AtomicBool::new(is_down);
        })
    }

    pub(crate) fn with(
        policy: RecordingPolicy,
        clock: Arc<dyn Clock>,
        set: impl FnOnce(&mut FaultyStore),
    ) -> Self {
        let deployment = Deployment::new();
        let store = deployment.database.store().clone();
        let mut faulty = FaultyStore {
            store: Arc::new(store.clone()),
            is_down: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            refuses: |_| false,
            lost_answers: AtomicU64::new(0),
        };
        set(&mut faulty);
        let faulty = Arc::new(faulty);
        let ambient = Ambient { clock: clock.clone(), random: Arc::new(SystemRandom) };
        let keys = TestDatabase::audit_keys();
        let recorder = Recorder::start(faulty.clone(), keys, policy, ambient);
        let decisions = Decisions::new(
            Arc::new(ActiveMatrix::new(samples::matrix()).unwrap()),
            Arc::new(Accounts::start(Arc::new(store), clock.clone()).unwrap()),
            Arc::new(recorder.unwrap()),
            clock,
        );
        let caller = caller(&deployment, "ada");
        Self { deployment, store: faulty, decisions, caller }
    }

    /// Asks, waiting if need be.
    pub(crate) fn ask(&self, questions: Vec<Question>) -> Result<Vec<Answer>, DecisionError> {
        self.ask_as(&self.caller, questions, TIMEOUT)
    }

    pub(crate) fn ask_as(
        &self,
        caller: &Principal,
        questions: Vec<Question>,
        timeout: Duration,
    ) -> Result<Vec<Answer>, DecisionError> {
        match self.decisions.at_once(caller.clone(), questions) {
            Ok(answers) => answers,
            Err(pending) => self.decisions.later(pending, timeout),
        }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        self.decisions.recorder()
    }

    /// The audit log is intact and holds exactly so many decisions.
    pub(crate) fn assert_intact(&self, decisions: u64) {
        let verification = Verification::new(Arc::new(self.deployment.database.store().clone()));
        let keys = TestDatabase::audit_keys();
        let report = verification.verify(&[&keys], &[], &mut || {}).unwrap();
        assert!(report.is_intact(), "{report}");
        assert_eq!(report.decisions, decisions);
    }

    pub(crate) fn reason_of(&self, decision: DecisionId) -> Option<String> {
        let store = Arc::new(self.deployment.database.store().clone());
        let trail = AuditLog::new(store, Ambient::system());
        let found = trail.decision(&samples::operator(), decision).unwrap();
        found.map(|entry| entry.reason.unwrap().into_owned())
    }
}

pub(crate) fn caller(deployment: &Deployment, name: &str) -> Principal {
    let account = deployment.enrol(name);
    samples::principal(account.id, account.role.as_str())
}

/// With attributes of so many bytes, of which each has its own.
pub(crate) fn large(bytes: usize) -> Question {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let text = format!("{number:08}{}", "x".repeat(bytes));
    let attributes = Map::from_iter([("a".to_owned(), Value::from(text))]);
    let mut question = may_list();
    question.context.attributes = Some(Attributes::from(attributes));
    question
}

pub(crate) fn is_poisoned(payload: &[u8]) -> bool {
    payload.windows(6).any(|bytes| bytes == b"poison")
}

pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) fn policy() -> RecordingPolicy {
    RecordingPolicy::default()
}

pub(crate) fn strict() -> RecordingPolicy {
    RecordingPolicy { strict: true, ..policy() }
}

pub(crate) fn may_list() -> Question {
    Question::own("schedule", "list")
}
