//! Mass sign-out: ends the sessions of all accounts, as the response to a leak.
//!
//! It ends the sessions of senior accounts too, and so requires the most senior role of the active
//! matrix, or the operator of the command line. Sessions end in portions, each a transaction with
//! an event that holds their number. The principal is checked in each of them, and its own session
//! ends with the last. A session that is opened after the start stays. An interrupted run can be
//! started again.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{Ambient, Role, SessionId, Timestamp};

use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::identity::account_change::{ChangeError, Refusal};
use crate::node::revocation::{Enforcement, Revoked};
use crate::principal::Principal;

/// The port of the mass sign-out.
pub trait MassSignOutStore: Send + Sync {
    /// Ends at most `most` live sessions, revokes their access tokens and records their number, if
    /// the principal is allowed to.
    fn end_sessions_of_all(&self, ending: &MassEnding<'_>) -> Result<MassEnded, StoreError>;
}

/// A portion of sessions about to end.
pub struct MassEnding<'a> {
    /// The principal.
    pub principal: &'a Principal,
    /// The activation of the matrix that is used.
    pub revision: u64,
    /// Its most senior role.
    pub most_senior: &'a Role,
    /// Sessions opened later stay; `None` for the time of this transaction.
    pub before: Option<Timestamp>,
    /// The session that is kept for now.
    pub spared: Option<SessionId>,
    /// The maximum of sessions in one portion.
    pub most: u32,
    /// The time for which their access tokens must be refused.
    pub revoked_for: Duration,
    /// The reason of the end.
    pub reason: EventKind,
    /// The effects to record.
    pub effects: EffectsOf<'a, MassEnded>,
}

/// The result of a portion.
#[derive(Debug)]
pub enum MassEnded {
    /// Ended.
    Done {
        /// The ended sessions.
        revoked: Revoked,
        /// Sessions opened later stay.
        before: Timestamp,
    },
    /// The principal is not allowed to; the refusal is recorded.
    Refused(Refusal),
    /// Another matrix was activated; nothing was checked.
    Superseded,
}

/// Ends the sessions of all accounts.
pub struct MassSignOut {
    store: Arc<dyn MassSignOutStore>,
    matrix: Arc<ActiveMatrix>,
    enforcement: Enforcement,
    ambient: Ambient,
}

impl MassSignOut {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn MassSignOutStore>,
        matrix: Arc<ActiveMatrix>,
        enforcement: Enforcement,
        ambient: Ambient,
    ) -> Self {
        Self { store, matrix, enforcement, ambient }
    }

    /// Ends every session, the principal's own with the last; returns how many. The duration grows
    /// with the number of sessions; the run may be interrupted at any point.
    pub fn end_all(&self, principal: &Principal) -> Result<u64, ChangeError> {
        let (mut ended, mut before) = (0, None);
        // An operator has no session to keep.
        for spared in principal.session().map(Some).into_iter().chain([None]) {
            loop {
                let (sessions, begun) = self.end_some(principal, before, spared)?;
                before = Some(begun);
                ended += u64::try_from(sessions).unwrap_or(u64::MAX);
                // Without its own session the principal may not continue.
                let is_last = principal.session().is_some() && spared.is_none();
                if sessions == 0 || is_last {
                    break;
                }
            }
        }
        Ok(ended)
    }

    fn end_some(
        &self,
        principal: &Principal,
        before: Option<Timestamp>,
        spared: Option<SessionId>,
    ) -> Result<(usize, Timestamp), ChangeError> {
        let matrix = self.matrix.load();
        let kind = EventKind::EverybodySignedOut;
        let outcome = Outcome::Success;
        let event = event_now(kind, outcome, &principal.origin, &self.ambient).by(principal.actor);
        let effects = |ended: &MassEnded| match ended {
            // Later portions than the first are recorded only if they ended sessions.
            MassEnded::Done { revoked, .. } => {
                let event = event.clone().ending(revoked.session_count());
                Effects::from(event).only_if(before.is_none() || !revoked.is_empty())
            }
            MassEnded::Refused(refusal) => {
                SecurityEvent { outcome: refusal.outcome(), ..event.clone() }.into()
            }
            MassEnded::Superseded => Effects::default(),
        };
        let ended = self.store.end_sessions_of_all(&MassEnding {
            principal,
            revision: matrix.revision,
            most_senior: &matrix.admin,
            before,
            spared,
            most: BATCH_SIZE,
            revoked_for: self.enforcement.revoked_for(),
            reason: kind,
            effects: &effects,
        })?;
        match ended {
            MassEnded::Done { revoked, before } => {
                let sessions = revoked.session_count();
                self.enforcement.enforce(revoked);
                Ok((sessions, before))
            }
            MassEnded::Refused(refusal) => Err(refusal.into()),
            MassEnded::Superseded => Err(ChangeError::Superseded),
        }
    }
}

/// Sessions per transaction.
const BATCH_SIZE: u32 = 500;
