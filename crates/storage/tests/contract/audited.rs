//! A node that records events and decisions, and a verifier of them.

use std::sync::Arc;

use portcullis_audit::{
    Block, BlockWriter, Chain, ChainId, Checkpoint, DecisionRecord, EventKind, FaultKind, Link,
    Outcome, Report, SecurityEvent, Statement,
};
use portcullis_domain::{AccountId, SystemRandom, Timestamp};
use portcullis_flows::audit::checkpoint::{CheckpointState, CheckpointStore, Checkpoints};
use portcullis_flows::audit::recording::DecisionStore;
use portcullis_flows::audit::trail::AuditLogStore;
use portcullis_flows::audit::verification::Verification;
use portcullis_flows::effects::Effects;
use portcullis_storage::Store;
use portcullis_testkit::{TestDatabase, samples};
use uuid::Uuid;

/// An account that nobody has created.
pub(crate) fn person(number: u128) -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(number))
}

/// An event of its own, with something in every column.
pub(crate) fn event(at: Timestamp) -> SecurityEvent {
    let version = portcullis_audit::Details::Matrix {
        version: 1,
        digest: portcullis_audit::Fingerprint::of(b"a matrix"),
        previous: None,
    };
    samples::event(EventKind::SignOut, Outcome::Success, at)
        .about(person(1))
        .in_session(portcullis_domain::SessionId::generate(at, &SystemRandom))
        .with(version)
}

pub(crate) fn record(store: &Store, event: &SecurityEvent) {
    AuditLogStore::record(store, event).unwrap();
}

/// A decision about somebody.
pub(crate) fn decision<'a>(at: Timestamp, subject: AccountId) -> DecisionRecord<'a> {
    DecisionRecord {
        at,
        caller: person(1),
        session: None,
        address: [192, 0, 2, 7].into(),
        user_agent: Some("samples/1"),
        request_id: Some("sample-request-1"),
        subject,
        role: "msa",
        resource: "schedule",
        action: "read",
        owner: None,
        parties: None,
        attributes: None,
        matrix_version: 1,
        allowed: true,
        reason: "granted",
    }
}

/// One run of a node, which packs its decisions into blocks.
pub(crate) struct Run {
    chain: Chain,
    writer: BlockWriter,
}

impl Run {
    pub(crate) fn start() -> Self {
        let (keys, id) = (TestDatabase::audit_keys(), ChainId::generate(&SystemRandom));
        Self { chain: Chain::genesis(id, &keys), writer: BlockWriter::new(&keys, id, 1) }
    }

    pub(crate) const fn id(&self) -> ChainId {
        self.chain.id()
    }

    /// The next block of the run, with its place and its seal.
    pub(crate) fn block(&mut self, decisions: &[DecisionRecord<'_>]) -> (u64, Link, Block) {
        for decision in decisions {
            self.writer.push(decision);
        }
        let block = self.writer.finish().unwrap();
        let (sequence, link) = self.chain.append(&TestDatabase::audit_keys(), &block.payload);
        (sequence, link, block)
    }

    /// Stores a block of so many decisions, a microsecond apart.
    pub(crate) fn decide(&mut self, store: &Store, count: u32, at: Timestamp) -> Block {
        let later = |micros: u32| at + std::time::Duration::from_micros(micros.into());
        let decisions: Vec<_> =
            (0..count).map(|number| decision(later(number), person(number.into()))).collect();
        let (sequence, link, block) = self.block(&decisions);
        store.append(sequence, link, &block, &Effects::default()).unwrap();
        block
    }
}

/// Makes the next checkpoint, whenever the last one was.
pub(crate) fn make_checkpoint(store: &Store, at: Timestamp) -> Option<Checkpoint> {
    make_purging_checkpoint(store, at, None)
}

/// Makes the next checkpoint and states in it what may be gone.
pub(crate) fn make_purging_checkpoint(
    store: &Store,
    at: Timestamp,
    purged_to: Option<u64>,
) -> Option<Checkpoint> {
    let is_signed = |checkpoint: &Checkpoint| {
        checkpoint.verify(&TestDatabase::audit_keys().checkpoint_key()).is_ok()
    };
    store
        .add_checkpoint(&is_signed, &mut |standing| {
            let CheckpointState { number, latest, mut covered, heads, is_proven, .. } = standing;
            let moved = covered.advance(heads).moved;
            let listed = if is_proven { moved.clone() } else { covered.heads().copied().collect() };
            let statement = Statement {
                number,
                at,
                previous: latest.as_ref(),
                is_signed: true,
                coverage: &covered,
                listed,
                purged_to,
            };
            let has_news = !moved.is_empty() || purged_to.is_some();
            has_news.then(|| Checkpoint::make(&TestDatabase::audit_keys(), statement))
        })
        .unwrap()
}

/// The use case, which makes the next one when its time has come.
pub(crate) fn checkpoints(database: &TestDatabase) -> Checkpoints {
    let store = Arc::new(database.store().clone());
    Checkpoints::new(store, TestDatabase::audit_keys(), None, database.ambient())
}

/// What `audit verify` says, given the checkpoints that were kept elsewhere.
pub(crate) fn verify(store: &Store, held: &[Checkpoint]) -> Report {
    let keys = TestDatabase::audit_keys();
    let verification = Verification::new(Arc::new(store.clone()));
    verification.verify(&[&keys], held, &mut || {}).unwrap()
}

/// The faults as kind, first and last sequence.
pub(crate) fn faults(report: &Report) -> Vec<(FaultKind, Option<u64>, Option<u64>)> {
    let fault = |it: &portcullis_audit::Fault| (it.kind, it.sequence, it.last_sequence);
    report.faults.iter().map(fault).collect()
}
