//! The life of the access matrix: validate, compare, try against what happened, activate, roll back.
//!
//! Versions are kept for ever and never change. Which one is in force is a list of activations, each
//! with the next revision: of two that were decided on at the same time, one comes too late and is
//! told so. Every node looks for a new revision several times a second.

mod active;

use std::sync::Arc;

use portcullis_access::replay::{LoggedDecision, Replay, ReplayReport};
use portcullis_access::{Matrix, MatrixDiff, MatrixFaults, Parties};
use portcullis_audit::{
    Actor, BlockReader, Details, EventKind, Filter, Fingerprint, Outcome, SecurityEvent,
};
use portcullis_domain::{Clock, Role, SecureRandom, Timestamp};

pub use self::active::{ActiveMatrix, MAY_ACTIVATE, MatrixInForce, Unfit};
use crate::StoreError;
use crate::decision::account;
use crate::trail::{Reader, TrailError, TrailStore, blocks};

/// What the life of the matrix needs from storage.
pub trait MatrixStore: Send + Sync {
    /// The activation with the highest revision.
    fn newest_activation(&self) -> Result<Option<Activation>, StoreError>;

    /// The activations with the highest revisions first, at most `most`.
    fn activations(&self, most: u32) -> Result<Vec<Activation>, StoreError>;

    /// The version with this number.
    fn version(&self, number: u32) -> Result<Option<Version>, StoreError>;

    /// The versions with the highest numbers first, at most `most`, without their texts: a text may have
    /// megabytes.
    fn versions(&self, most: u32) -> Result<Vec<ListedVersion>, StoreError>;

    /// Stores a text under the next number, with the event that `event` makes of that number; or
    /// answers the number under which the very same text is stored already, and records nothing.
    fn add_version(
        &self,
        text: &str,
        by: Actor,
        at: Timestamp,
        event: &dyn Fn(u32) -> SecurityEvent,
    ) -> Result<u32, StoreError>;

    /// Puts a version in force, unless this revision is taken or an account has a role that is not
    /// among `roles`; then the event is recorded with the outcome `superseded` or `invalid`.
    fn activate(
        &self,
        activation: &Activation,
        roles: &[&str],
        event: &SecurityEvent,
    ) -> Result<Activated, StoreError>;
}

/// One version of the matrix, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The first is 1.
    pub number: u32,
    /// The file.
    pub text: String,
    /// Who handed it in.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// One version in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The first is 1.
    pub number: u32,
    /// Who handed it in.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// A version coming into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The first is 1, and none is left out.
    pub revision: u64,
    /// Which version.
    pub version: u32,
    /// Who decided.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// How an activation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activated {
    /// The version is in force.
    Done,
    /// Another activation was first.
    Superseded,
    /// Accounts have these roles, which the version lacks.
    RolesInUse(Vec<Role>),
}

/// Why a matrix is not put in force.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// The file has faults.
    #[error("the matrix has faults")]
    Faults(MatrixFaults),
    /// The file is in order, and unfit for this server.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// There is no such version.
    #[error("there is no version {0}")]
    UnknownVersion(u32),
    /// There is no earlier version to go back to.
    #[error("no other version has been in force before")]
    NothingBefore,
    /// Another activation was first.
    #[error("another version was activated at the same time")]
    Superseded,
    /// Accounts have these roles, which the version lacks.
    #[error("accounts have roles that the matrix lacks")]
    RolesInUse(Vec<Role>),
    /// The trail cannot be read.
    #[error(transparent)]
    Trail(#[from] TrailError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use case.
pub struct Matrices {
    store: Arc<dyn MatrixStore>,
    trail: Arc<dyn TrailStore>,
    active: Arc<ActiveMatrix>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
}

impl Matrices {
    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn MatrixStore>,
        trail: Arc<dyn TrailStore>,
        active: Arc<ActiveMatrix>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Self {
        Self { store, trail, active, clock, random }
    }

    /// The matrix in force on this node.
    pub fn active(&self) -> &ActiveMatrix {
        &self.active
    }

    /// At start: takes over the matrix in force; the first start of all puts `text` in force.
    pub fn start(&self, text: &str, operator: &Reader) -> Result<(), MatrixError> {
        if self.store.newest_activation()?.is_none() {
            let version = self.propose(text, operator)?;
            match self.put_in_force(version, EventKind::MatrixActivated, 0, None, operator) {
                // Another node was first, with whatever file it has.
                Err(MatrixError::Superseded) => {}
                outcome => outcome?,
            }
        }
        self.follow()
    }

    /// Takes over what was activated since; cheap when nothing was.
    pub fn follow(&self) -> Result<(), MatrixError> {
        let newest = self.store.newest_activation()?;
        if let Some(Activation { revision, version, .. }) = newest
            && revision > self.active.load().revision
        {
            self.active.advance(self.stored(revision, version)?);
            tracing::info!(version, revision, "a version of the access matrix is in force");
        }
        Ok(())
    }

    /// Judges a file.
    pub fn validate(&self, text: &str) -> Result<Matrix, MatrixError> {
        let matrix = Matrix::parse(text).map_err(MatrixError::Faults)?;
        Ok(MatrixInForce::new(0, 0, matrix)?.matrix)
    }

    /// What the file would change.
    pub fn diff(&self, text: &str) -> Result<MatrixDiff, MatrixError> {
        Ok(self.active.load().matrix.diff(&self.validate(text)?))
    }

    /// Stores a file as a version, without putting it in force; answers its number.
    pub fn propose(&self, text: &str, reader: &Reader) -> Result<u32, MatrixError> {
        let digest = Fingerprint::from_bytes(self.validate(text)?.digest());
        let now = self.clock.now();
        let event = |version| {
            let details = Details::Matrix { version, digest, previous: None };
            self.event(EventKind::MatrixProposed, reader, details)
        };
        Ok(self.store.add_version(text, reader.actor, now, &event)?)
    }

    /// The versions, newest first.
    pub fn versions(&self) -> Result<Vec<ListedVersion>, StoreError> {
        self.store.versions(MOST_LISTED)
    }

    /// The activations, newest first.
    pub fn history(&self) -> Result<Vec<Activation>, StoreError> {
        self.store.activations(MOST_LISTED)
    }

    /// One version.
    pub fn version(&self, number: u32) -> Result<Option<Version>, StoreError> {
        self.store.version(number)
    }

    /// Puts a version in force. `role` is that of whoever does it, who must remain able to.
    pub fn activate(
        &self,
        version: u32,
        role: Option<&Role>,
        reader: &Reader,
    ) -> Result<(), MatrixError> {
        let revision = self.store.newest_activation()?.map_or(0, |newest| newest.revision);
        self.put_in_force(version, EventKind::MatrixActivated, revision, role, reader)
    }

    /// Puts the version in force that was before the one that is; answers its number.
    pub fn roll_back(&self, role: Option<&Role>, reader: &Reader) -> Result<u32, MatrixError> {
        let history = self.store.activations(MOST_LISTED)?;
        let now = history.first().ok_or(MatrixError::NothingBefore)?;
        let before = history.iter().find(|past| past.version != now.version);
        let version = before.ok_or(MatrixError::NothingBefore)?.version;
        self.put_in_force(version, EventKind::MatrixRolledBack, now.revision, role, reader)?;
        Ok(version)
    }

    /// Asks a file every question that was decided since `from` and before `until`, and says whose
    /// answers change. `progress` is called with the number of decisions of each block.
    pub fn replay(
        &self,
        text: &str,
        (from, until): (Timestamp, Timestamp),
        reader: &Reader,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ReplayReport, MatrixError> {
        let candidate = self.validate(text)?;
        let mut replay = Replay::new(&candidate);
        let filter = Filter {
            from: Some(from),
            until: Some(until),
            kind: Some(EventKind::PermissionCheck),
            ..Filter::default()
        };
        for block in blocks(&*self.trail, &filter, Some(until)) {
            let block = block?;
            let mut decisions = BlockReader::new(&block.payload).map_err(TrailError::from)?;
            while let Some((_, decision)) = decisions.read().map_err(TrailError::from)? {
                if filter.matches_decision(&decision) {
                    push(&mut replay, &decision);
                }
            }
            progress(u64::from(block.count));
        }
        let report = replay.finish();
        let details = Details::Replay {
            digest: Fingerprint::from_bytes(candidate.digest()),
            from,
            until,
            examined: report.examined,
            changed: report.gained + report.lost,
        };
        self.trail.record(&self.event(EventKind::MatrixReplayed, reader, details))?;
        Ok(report)
    }

    fn put_in_force(
        &self,
        version: u32,
        kind: EventKind,
        after_revision: u64,
        role: Option<&Role>,
        reader: &Reader,
    ) -> Result<(), MatrixError> {
        let next = self.stored(after_revision + 1, version)?;
        role.map_or(Ok(()), |role| next.remains_open_to(role))?;
        let digest = Fingerprint::from_bytes(next.matrix.digest());
        let previous = Some(self.active.load().version).filter(|version| *version > 0);
        let event = self.event(kind, reader, Details::Matrix { version, digest, previous });
        let activation =
            Activation { revision: next.revision, version, by: reader.actor, at: event.at };
        let roles: Vec<&str> = next.matrix.roles().collect();
        match self.store.activate(&activation, &roles, &event)? {
            Activated::Done => {
                self.active.advance(next);
                Ok(())
            }
            Activated::Superseded => Err(MatrixError::Superseded),
            Activated::RolesInUse(roles) => Err(MatrixError::RolesInUse(roles)),
        }
    }

    fn stored(&self, revision: u64, version: u32) -> Result<MatrixInForce, MatrixError> {
        let stored = self.store.version(version)?.ok_or(MatrixError::UnknownVersion(version))?;
        let matrix = Matrix::parse(&stored.text).map_err(MatrixError::Faults)?;
        Ok(MatrixInForce::new(revision, version, matrix)?)
    }

    fn event(&self, kind: EventKind, reader: &Reader, details: Details) -> SecurityEvent {
        let now = self.clock.now();
        SecurityEvent::new(kind, Outcome::Success, &reader.origin, now, &*self.random)
            .by(reader.actor)
            .with(details)
    }
}

fn push(replay: &mut Replay<'_>, decision: &portcullis_audit::DecisionRecord<'_>) {
    let attributes = decision.attributes.and_then(|text| serde_json::from_str(text).ok());
    let parties = decision.parties.as_ref();
    let parties: Option<Vec<String>> =
        parties.map(|parties| parties.iter().filter_map(|party| account(party)).collect());
    replay.push(&LoggedDecision {
        at: decision.at,
        role: decision.role,
        resource: decision.resource,
        action: decision.action,
        subject: &decision.subject.to_string(),
        owner: decision.owner.and_then(account).as_deref(),
        parties: parties.as_deref().map(Parties::from),
        attributes: attributes.as_ref(),
        allowed: decision.allowed,
    });
}

const MOST_LISTED: u32 = 100;
