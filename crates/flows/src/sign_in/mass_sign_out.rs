//! Everybody signs out: the answer to a leak.
//!
//! It ends the sessions of seniors too, and so is for the most senior role of the matrix in force, or
//! for the operator of the command line. Sessions end in portions, each a transaction with an event
//! of its own that says how many; the caller is judged in each of them, and their own session ends
//! with the last. A session that is opened after the beginning stays. Cut off halfway, it can be
//! begun again.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{Ambient, Role, SessionId, Timestamp};
use portcullis_token::LEEWAY;

use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::effects::{Effects, EffectsOf};
use crate::identity::account_change::{ChangeError, Refusal};
use crate::node::revocation::{Revocations, Revoked};
use crate::principal::Principal;

/// What ending everybody's sessions needs from storage.
pub trait MassSignOutStore: Send + Sync {
    /// Ends at most `most` live sessions, revokes their access tokens and records how many, if the
    /// caller may.
    fn end_sessions_of_all(&self, ending: &MassEnding<'_>) -> Result<MassEnded, StoreError>;
}

/// A portion of sessions about to end.
pub struct MassEnding<'a> {
    /// Who wants it.
    pub principal: &'a Principal,
    /// The activation of the matrix that is gone by.
    pub revision: u64,
    /// Its most senior role.
    pub most_senior: &'a Role,
    /// Sessions opened later stay; `None` for the time of this transaction.
    pub before: Option<Timestamp>,
    /// Spared for the moment.
    pub spared: Option<SessionId>,
    /// Sessions of one portion.
    pub most: u32,
    /// For how long their access tokens must be refused.
    pub revoked_for: Duration,
    /// Why they end.
    pub reason: EventKind,
    /// What is recorded.
    pub effects: EffectsOf<'a, MassEnded>,
}

/// How a portion ended.
#[derive(Debug)]
pub enum MassEnded {
    /// These have ended.
    Done {
        /// Which.
        revoked: Revoked,
        /// Sessions opened later stay.
        before: Timestamp,
    },
    /// The caller may not; that is recorded.
    Refused(Refusal),
    /// Another matrix has come into force; nothing was judged.
    Superseded,
}

/// The use case.
pub struct MassSignOut {
    store: Arc<dyn MassSignOutStore>,
    matrix: Arc<ActiveMatrix>,
    /// Enforces what this node has ended; `None` for the command line, which accepts no token.
    revocations: Option<Arc<Revocations>>,
    access_lifetime: Duration,
    ambient: Ambient,
}

impl MassSignOut {
    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn MassSignOutStore>,
        matrix: Arc<ActiveMatrix>,
        revocations: Option<Arc<Revocations>>,
        access_lifetime: Duration,
        ambient: Ambient,
    ) -> Self {
        Self { store, matrix, revocations, access_lifetime, ambient }
    }

    /// Ends every session, the principal's own with the last; answers how many. Takes as long as there
    /// are sessions, and may be cut off anywhere.
    pub fn end_all(&self, principal: &Principal) -> Result<u64, ChangeError> {
        let (mut ended, mut before) = (0, None);
        // An operator has no session to spare.
        for spared in principal.session().map(Some).into_iter().chain([None]) {
            loop {
                let (sessions, begun) = self.end_some(principal, before, spared)?;
                before = Some(begun);
                ended += u64::try_from(sessions).unwrap_or(u64::MAX);
                // With their own session the principal has lost the right to go on.
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
        let (outcome, now) = (Outcome::Success, self.ambient.now());
        let event =
            SecurityEvent::new(kind, outcome, &principal.origin, now, &*self.ambient.random)
                .by(principal.actor);
        let effects = |ended: &MassEnded| match ended {
            // Of later portions than the first only if there are some.
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
            revoked_for: self.access_lifetime + LEEWAY,
            reason: kind,
            effects: &effects,
        })?;
        match ended {
            MassEnded::Done { revoked, before } => {
                let sessions = revoked.session_count();
                match &self.revocations {
                    Some(revocations) => revocations.enforce(revoked),
                    // The command line accepts no token; the servers read it from the database.
                    None => drop(revoked),
                }
                Ok((sessions, before))
            }
            MassEnded::Refused(refusal) => Err(refusal.into()),
            MassEnded::Superseded => Err(ChangeError::Superseded),
        }
    }
}

/// Sessions that end in one transaction.
const BATCH_SIZE: u32 = 500;
