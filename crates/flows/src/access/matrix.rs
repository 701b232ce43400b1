//! Versions of the access matrix: validate, compare, replay decisions, activate, roll back.
//!
//! Versions are never deleted or changed. A list of activations says which one is in force.
//! Each activation has the next revision: of two concurrent activations, the later one fails with
//! [`MatrixError::Superseded`]. Every node checks for a new revision several times a second.

mod active;
mod role_move;
mod store;

use std::ops::ControlFlow;
use std::sync::Arc;

use portcullis_access::replay::{LoggedDecision, Replay, ReplayReport};
use portcullis_access::{Escalation, Matrix, MatrixDiff, MatrixFaults, Parties};
use portcullis_audit::{
    BlockReader, Details, EventKind, Filter, Fingerprint, Outcome, SecurityEvent,
};
use portcullis_domain::{Account, Ambient, Role, Timestamp};

pub use self::active::{ActiveMatrix, MatrixInForce, UnusableMatrix};
pub use self::role_move::{InvalidMove, MAX_MOVED, MovedAccount, RoleMove};
pub use self::store::{
    AccountWithUnknownRole, Activated, Activation, ActivationRefusal, ActivationRequest, Added,
    ListedVersion, MatrixStore, Version,
};
use crate::StoreError;
use crate::access::question::account;
use crate::access::request_decisions::is_of_matrix;
use crate::audit::trail::{AuditLogError, AuditLogStore, blocks};
use crate::effects::{Effects, event_now};
use crate::principal::Principal;

/// The reason why a matrix is not activated.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// The file has faults.
    #[error("the matrix has faults")]
    Faults(MatrixFaults),
    /// The file is valid, but would lock this server up.
    #[error("{0}")]
    UnusableMatrix(#[from] UnusableMatrix),
    /// It would grant more than the principal has.
    #[error("the matrix gives more than the caller's role has: {0}")]
    Escalation(Escalation),
    /// There is no such version.
    #[error("there is no version {0}")]
    UnknownVersion(u32),
    /// There is no earlier version to go back to.
    #[error("no other version has been in force before")]
    NothingBefore,
    /// Another activation took this revision first.
    #[error("another version was activated at the same time")]
    Superseded,
    /// Accounts have these roles, which the version lacks.
    #[error("accounts have roles that the matrix lacks")]
    RolesInUse(Vec<Role>),
    /// Accounts cannot be moved so.
    #[error(transparent)]
    InvalidMove(#[from] InvalidMove),
    /// An account to move was changed a moment ago.
    #[error("an account was changed a moment ago")]
    RoleJustChanged,
    /// The account or session of the caller no longer matches its access token.
    #[error("the caller's account has changed")]
    CallerChanged,
    /// The replay was cancelled. It has changed and recorded nothing.
    #[error("the replay was cancelled")]
    Cancelled,
    /// The audit log cannot be read.
    #[error(transparent)]
    AuditLog(#[from] AuditLogError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A step of a replay: one block of decisions. The newest block is the first.
#[derive(Clone, Copy, Debug)]
pub struct ReplayStep {
    /// The decisions in the block.
    pub decisions: u64,
    /// The time of its earliest decision.
    pub reached: Timestamp,
}

/// Manages the versions of the access matrix and activates them.
pub struct Matrices {
    store: Arc<dyn MatrixStore>,
    trail: Arc<dyn AuditLogStore>,
    active: Arc<ActiveMatrix>,
    ambient: Ambient,
}

impl Matrices {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn MatrixStore>,
        trail: Arc<dyn AuditLogStore>,
        active: Arc<ActiveMatrix>,
        ambient: Ambient,
    ) -> Self {
        Self { store, trail, active, ambient }
    }

    /// Like [`Matrices::new`], with the active matrix loaded; the first start activates `text`.
    pub fn start(
        store: Arc<dyn MatrixStore>,
        trail: Arc<dyn AuditLogStore>,
        text: &str,
        operator: &Principal,
        ambient: Ambient,
    ) -> Result<Self, MatrixError> {
        let matrix = Matrix::parse(text).map_err(MatrixError::Faults)?;
        let active = Arc::new(ActiveMatrix::new(matrix)?);
        let matrices = Self::new(store, trail, active, ambient);
        matrices.begin(text, operator)?;
        Ok(matrices)
    }

    /// The active matrix of this node.
    pub const fn active(&self) -> &Arc<ActiveMatrix> {
        &self.active
    }

    fn begin(&self, text: &str, operator: &Principal) -> Result<(), MatrixError> {
        if self.store.newest_activation()?.is_none() {
            let version = self.propose(text, operator)?;
            match self.put_in_force(version, EventKind::MatrixActivated, None, &[], operator) {
                // Another node activated its own file first.
                Ok(_) | Err(MatrixError::Superseded) => {}
                Err(error) => return Err(error),
            }
        }
        self.follow()
    }

    /// Loads a newer activation, if there is one; cheap if there is none.
    pub fn follow(&self) -> Result<(), MatrixError> {
        let newest = self.store.newest_activation()?;
        if let Some(Activation { revision, version, .. }) = newest
            && revision > self.active.load().revision
        {
            self.active.advance(self.stored(revision, version)?);
            tracing::info!(version, revision, "a version of the access matrix is in force");
            Self::remark(&self.active.load());
        }
        Ok(())
    }

    /// Validates a file.
    pub fn validate(&self, text: &str) -> Result<Matrix, MatrixError> {
        let matrix = Matrix::parse(text).map_err(MatrixError::Faults)?;
        Ok(MatrixInForce::new(0, 0, matrix)?.closed_to_strangers()?.matrix)
    }

    /// The differences between the active matrix and the file.
    pub fn diff(&self, text: &str) -> Result<MatrixDiff, MatrixError> {
        Ok(self.active.load().matrix.diff(&self.validate(text)?))
    }

    /// Stores a file as a version without activating it; returns its number.
    pub fn propose(&self, text: &str, principal: &Principal) -> Result<u32, MatrixError> {
        let digest = Fingerprint::from_bytes(self.validate(text)?.digest());
        let event = |version| {
            let details = Details::Matrix { version, digest, previous: None };
            self.event(EventKind::MatrixProposed, principal, details)
        };
        let effects = |added: &Added| match *added {
            Added::New(number) => event(number).into(),
            Added::Known(_) => Effects::default(),
            Added::CallerChanged => {
                SecurityEvent { outcome: Outcome::Superseded, ..event(0) }.into()
            }
        };
        let added = self.store.add_version(text, principal, &effects)?;
        added.number().ok_or(MatrixError::CallerChanged)
    }

    /// The versions, newest first.
    pub fn versions(&self) -> Result<Vec<ListedVersion>, StoreError> {
        self.store.versions(MAX_LISTED)
    }

    /// The activations, newest first.
    pub fn history(&self) -> Result<Vec<Activation>, StoreError> {
        self.store.activations(MAX_LISTED)
    }

    /// One version.
    pub fn version(&self, number: u32) -> Result<Option<Version>, StoreError> {
        self.store.version(number)
    }

    /// Activates a version. The role of the principal must still be able to activate a matrix
    /// afterwards, and no role gains more than the principal has. The operator has neither limit.
    pub fn activate(&self, version: u32, principal: &Principal) -> Result<(), MatrixError> {
        self.activate_moving(version, &[], principal).map(drop)
    }

    /// The same, and accounts whose role the version lacks get other roles in the same transaction. Returns their
    /// number.
    pub fn activate_moving(
        &self,
        version: u32,
        moves: &[RoleMove],
        principal: &Principal,
    ) -> Result<usize, MatrixError> {
        let now = self.store.newest_activation()?;
        self.put_in_force(version, EventKind::MatrixActivated, now.as_ref(), moves, principal)
    }

    /// The accounts with a role that the active matrix lacks, at most `most`, and their number.
    /// Only the most senior role can change them.
    pub fn accounts_with_unknown_role(
        &self,
        most: u32,
    ) -> Result<(Vec<AccountWithUnknownRole>, u64), StoreError> {
        self.accounts_beyond(&self.active.load().matrix, most)
    }

    /// The same for any matrix: an activation must move these accounts.
    pub fn accounts_beyond(
        &self,
        matrix: &Matrix,
        most: u32,
    ) -> Result<(Vec<AccountWithUnknownRole>, u64), StoreError> {
        let roles: Vec<&str> = matrix.roles().collect();
        self.store.accounts_with_unknown_role(&roles, most)
    }

    /// Activates the previous version again; returns its number. `seen` is the revision in
    /// force that the principal has seen. If another one is in force, nothing changes.
    pub fn roll_back(&self, seen: Option<u64>, principal: &Principal) -> Result<u32, MatrixError> {
        let history = self.store.activations(MAX_LISTED)?;
        let now = history.first().ok_or(MatrixError::NothingBefore)?;
        if seen.is_some_and(|seen| seen != now.revision) {
            return Err(MatrixError::Superseded);
        }
        let before = history.iter().find(|past| past.version != now.version);
        let version = before.ok_or(MatrixError::NothingBefore)?.version;
        self.put_in_force(version, EventKind::MatrixRolledBack, Some(now), &[], principal)?;
        Ok(version)
    }

    /// Evaluates every question that was decided from `from` on and before `until` against a file,
    /// and lists the changed answers. `progress` is called after each block, and may end the replay
    /// with [`MatrixError::Cancelled`].
    pub fn replay(
        &self,
        text: &str,
        (from, until): (Timestamp, Timestamp),
        principal: &Principal,
        progress: &mut dyn FnMut(ReplayStep) -> ControlFlow<()>,
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
            let mut decisions = BlockReader::new(&block.payload).map_err(AuditLogError::from)?;
            while let Some((_, decision)) = decisions.read().map_err(AuditLogError::from)? {
                if filter.matches_decision(&decision) && is_of_matrix(decision.reason) {
                    push(&mut replay, &decision);
                }
            }
            let step = ReplayStep { decisions: u64::from(block.count), reached: block.from };
            if progress(step).is_break() {
                return Err(MatrixError::Cancelled);
            }
        }
        let report = replay.finish();
        let details = Details::Replay {
            digest: Fingerprint::from_bytes(candidate.digest()),
            from,
            until,
            examined: report.examined,
            changed: report.gained + report.lost,
        };
        self.trail.record(&self.event(EventKind::MatrixReplayed, principal, details))?;
        Ok(report)
    }

    fn put_in_force(
        &self,
        version: u32,
        kind: EventKind,
        now: Option<&Activation>,
        moves: &[RoleMove],
        principal: &Principal,
    ) -> Result<usize, MatrixError> {
        let role = principal.role.as_ref();
        let after_revision = now.map_or(0, |now| now.revision);
        let next = self.stored(after_revision + 1, version)?.closed_to_strangers()?;
        role.map_or(Ok(()), |role| next.remains_open_to(role))?;
        role_move::check(moves, &next.matrix)?;
        let escalation = match now.zip(role) {
            Some((now, role)) => self.in_force(now)?.escalation(role.as_str(), &next.matrix),
            None => None,
        };
        let judge = |actor: Option<&Account>| {
            let Some(role) = role else { return Ok(()) };
            if actor.is_none_or(|actor| !actor.is_active || actor.role != *role) {
                return Err(ActivationRefusal::CallerChanged);
            }
            escalation.as_ref().map_or(Ok(()), |_| Err(ActivationRefusal::Escalation))
        };
        let digest = Fingerprint::from_bytes(next.matrix.digest());
        let former = self.active.load();
        let previous = Some(former.version).filter(|version| *version > 0);
        let event = self.event(kind, principal, Details::Matrix { version, digest, previous });
        let activation =
            Activation { revision: next.revision, version, by: principal.actor, at: event.at };
        let roles: Vec<&str> = next.matrix.roles().collect();
        let effects = |activated: &Activated, at| {
            let outcome = activated.outcome();
            let accounts = activated.moved().iter();
            let mut events: Vec<_> =
                accounts.map(|account| account.event(principal, at, &self.ambient)).collect();
            events.push(SecurityEvent { outcome, at, ..event.clone() });
            events.into()
        };
        let activating = ActivationRequest {
            activation,
            roles: &roles,
            moves,
            administrators: [&former.admin, &next.admin],
            principal,
            rule: &judge,
            effects: &effects,
        };
        match self.store.activate(&activating)? {
            Activated::Done(accounts) => {
                Self::remark(&next);
                self.active.advance(next);
                Ok(accounts.len())
            }
            Activated::Superseded => Err(MatrixError::Superseded),
            Activated::RolesInUse(roles) => Err(MatrixError::RolesInUse(roles)),
            Activated::Refused(ActivationRefusal::CallerChanged) => Err(MatrixError::CallerChanged),
            Activated::Refused(ActivationRefusal::InvalidMove(invalid)) => Err(invalid.into()),
            Activated::Refused(ActivationRefusal::RoleJustChanged) => {
                Err(MatrixError::RoleJustChanged)
            }
            Activated::Refused(ActivationRefusal::Escalation) => {
                Err(escalation.map_or(MatrixError::CallerChanged, MatrixError::Escalation))
            }
        }
    }

    /// The matrix of an activation.
    fn in_force(&self, activation: &Activation) -> Result<Matrix, MatrixError> {
        let active = self.active.load();
        if active.revision == activation.revision {
            return Ok(active.matrix.clone());
        }
        Ok(self.stored(activation.revision, activation.version)?.matrix)
    }

    /// Logs a permission that may be granted by mistake, as its meaning has changed.
    fn remark(in_force: &MatrixInForce) {
        for role in in_force.roles_of_state_alone() {
            tracing::info!(
                role,
                "has user:update, which is about the state of accounts alone; to change roles takes \
                 user:approve, to end sessions user:reject"
            );
        }
    }

    fn stored(&self, revision: u64, version: u32) -> Result<MatrixInForce, MatrixError> {
        let stored = self.store.version(version)?.ok_or(MatrixError::UnknownVersion(version))?;
        let matrix = Matrix::parse(&stored.text).map_err(MatrixError::Faults)?;
        Ok(MatrixInForce::new(revision, version, matrix)?)
    }

    fn event(&self, kind: EventKind, principal: &Principal, details: Details) -> SecurityEvent {
        event_now(kind, Outcome::Success, &principal.origin, &self.ambient)
            .by(principal.actor)
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

impl Activated {
    fn moved(&self) -> &[MovedAccount] {
        match self {
            Self::Done(moved) => moved,
            _ => &[],
        }
    }

    const fn outcome(&self) -> Outcome {
        match self {
            Self::Done(_) => Outcome::Success,
            Self::Superseded => Outcome::Superseded,
            Self::RolesInUse(_) => Outcome::Invalid,
            Self::Refused(reason) => reason.outcome(),
        }
    }
}

impl ActivationRefusal {
    const fn outcome(&self) -> Outcome {
        match self {
            Self::CallerChanged | Self::RoleJustChanged => Outcome::Superseded,
            Self::Escalation => Outcome::AgainstRules,
            Self::InvalidMove(_) => Outcome::Invalid,
        }
    }
}

const MAX_LISTED: u32 = 100;
