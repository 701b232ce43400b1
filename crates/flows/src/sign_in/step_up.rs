//! Step-up: the maximum age of a sign-in for sensitive requests, the record of a refusal, and a new proof
//! of a second factor in a session.
//!
//! A step-up belongs to the session: its access tokens carry the new time and level, also after a
//! refresh, which renews neither.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    AccountId, Ambient, AssuranceLevel, Authentication, AuthenticationMethod, Session, SessionId,
    Timestamp,
};
use portcullis_mfa::passkey::UserVerification;
use portcullis_rate_limit::LockoutPolicy;

use crate::StoreError;
use crate::audit::trail::AuditLogStore;
use crate::effects::{EffectsOf, event_now};
use crate::principal::Principal;
use crate::sign_in::ChallengeError;
use crate::sign_in::factor::{
    FactorAnswer, FactorProof, FactorProver, FactorUse, PasskeyChallenge,
};
use crate::sign_in::lockout::{FailureCounter, Lockout};
use crate::sign_in::session_tokens::{AccessToken, AccountSnapshot, TokenIssuer};

/// Checks the age of a sign-in and records refusals.
pub struct StepUp {
    store: Arc<dyn AuditLogStore>,
    ambient: Ambient,
}

impl StepUp {
    /// The maximum age of a recent sign-in.
    pub const MAX_SIGN_IN_AGE: Duration = Duration::from_secs(15 * 60);

    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn AuditLogStore>, ambient: Ambient) -> Self {
        Self { store, ambient }
    }

    /// True if the sign-in of the principal is recent. A credential without a sign-in never is.
    pub fn is_recent(&self, principal: &Principal) -> bool {
        let signed_in_at = principal.authenticated_at();
        signed_in_at.is_some_and(|at| self.ambient.now().since(at) < Self::MAX_SIGN_IN_AGE)
    }

    /// True if the sign-in of the principal is recent, or was by one factor only. For requests that
    /// take the password themselves: a second factor must be recent too, once the account has one.
    pub fn has_recent_factor(&self, principal: &Principal) -> bool {
        principal.assurance() == Some(AssuranceLevel::Aal1) || self.is_recent(principal)
    }

    /// Records a refusal because the sign-in is not recent.
    pub fn record_refusal(&self, principal: &Principal) -> Result<(), StoreError> {
        let kind = EventKind::StepUpRequired;
        let event = event_now(kind, Outcome::Denied, &principal.origin, &self.ambient);
        let (subject, session) = (principal.account(), principal.session());
        self.store.record(&SecurityEvent { subject, session, ..event.by(principal.actor) })
    }
}

/// The port of step-ups.
pub trait StepUpStore: Send + Sync {
    /// Checks the counter, evaluates the proof, and stores time and level with the session. A wrong
    /// one is counted.
    fn step_up(&self, attempt: &StepUpAttempt<'_>) -> Result<StepUpResult, StoreError>;
}

/// An attempt to step up.
pub struct StepUpAttempt<'a> {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The proof.
    pub proof: &'a FactorProof,
    /// Returns the authentication of the session afterwards.
    pub authentication: &'a dyn Fn(Authentication) -> Authentication,
    /// The counter of wrong codes.
    pub counter: &'a FailureCounter,
    /// When that counter closes.
    pub policy: &'a LockoutPolicy,
    /// The effects to record.
    pub effects: EffectsOf<'a, StepUpResult>,
}

/// The result of an attempt.
#[derive(Debug)]
pub enum StepUpResult {
    /// The session has the new time and level.
    Done {
        /// The account.
        snapshot: Box<AccountSnapshot>,
        /// The session.
        session: Box<Session>,
        /// The factor that was used.
        factor: FactorUse,
        /// The time of the proof.
        at: Timestamp,
    },
    /// Refused, with the outcome to record.
    Refused(Outcome),
    /// The session has ended meanwhile.
    SessionEnded,
}

/// A request to step up.
#[derive(Debug)]
pub struct StepUpRequest {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The methods of the session.
    pub methods: Vec<AuthenticationMethod>,
    /// The second factor.
    pub answer: FactorAnswer,
    /// The source of the request.
    pub origin: Origin,
}

/// The user verification that a passkey needs in a session with these methods. Without a password the passkey
/// is the only factor, and the possession of it alone proves too little.
pub(crate) fn user_verification(methods: &[AuthenticationMethod]) -> UserVerification {
    if methods.contains(&AuthenticationMethod::Password) {
        UserVerification::Preferred
    } else {
        UserVerification::Required
    }
}

/// Proves a second factor inside a session.
pub struct FactorStepUp {
    store: Arc<dyn StepUpStore>,
    prover: FactorProver,
    issuer: TokenIssuer,
    lockout: Lockout,
    ambient: Ambient,
}

impl FactorStepUp {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn StepUpStore>,
        prover: FactorProver,
        issuer: TokenIssuer,
        lockout: Lockout,
        ambient: Ambient,
    ) -> Self {
        Self { store, prover, issuer, lockout, ambient }
    }

    /// Verifies the answer, and returns an access token with the new time and level. `None` if the
    /// session has ended meanwhile.
    pub fn step_up(&self, request: &StepUpRequest) -> Result<Option<AccessToken>, ChallengeError> {
        let event = event_now(EventKind::StepUp, Outcome::Success, &request.origin, &self.ambient)
            .about(request.account)
            .in_session(request.session)
            .with(Details::of_factor(request.answer.factor()));
        let challenge = |response: &_| PasskeyChallenge::of_session(response, request.session);
        let (address, answer) = (request.origin.address, request.answer.clone());
        let verification = user_verification(&request.methods);
        let account = request.account;
        let proof = self.prover.prove(address, account, answer, verification, challenge)?;
        let effects = |result: &StepUpResult| match result {
            StepUpResult::Done { factor, .. } => {
                let mut effects = factor.effects(&event, &*self.ambient.random);
                effects.events.insert(0, event.clone());
                effects
            }
            StepUpResult::Refused(outcome) => {
                SecurityEvent { outcome: *outcome, ..event.clone() }.into()
            }
            StepUpResult::SessionEnded => {
                SecurityEvent { outcome: Outcome::Superseded, ..event.clone() }.into()
            }
        };
        let authentication = |before: Authentication| before.with_factor(&proof.methods());
        let result = self.store.step_up(&StepUpAttempt {
            account: request.account,
            session: request.session,
            proof: &proof,
            authentication: &authentication,
            counter: &self.lockout.counters.of_factors(request.account),
            policy: &self.lockout.policy,
            effects: &effects,
        })?;
        match result {
            StepUpResult::Done { snapshot, session, at, .. } => {
                // A token that is later than the clock of this node is not valid yet, and one that is later than
                // the clock of the database outlives a change of the role.
                let (issued_at, random) = (at.min(event.at), &*self.ambient.random);
                Ok(Some(self.issuer.issue_access(&snapshot, &session, issued_at, random)))
            }
            StepUpResult::Refused(_) => Err(ChallengeError::WrongCode),
            StepUpResult::SessionEnded => Ok(None),
        }
    }
}
