//! Assessment of the risk of a sign-in, from what is stored about its account and its network.
//!
//! Every attempt reads the same rows, whether or not there is such an account and whatever its password is, so
//! the time of the answer tells nothing. The facts, the score and the outcome are recorded with each sign-in
//! whose first proof is right.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Details, EventKind, Origin, RiskFacts, RiskOutcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, NetworkPrefix};
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::{Effects, event_now};
use crate::node::mail::Mail;
use crate::sign_in::device::SignInDevice;
use crate::sign_in::lockout::FailureCounters;
use crate::sign_in::risk::{
    Attempt, BadAddresses, FailureCounts, History, PositionSource, RiskPolicy, RiskSources, facts,
    outcome_of_event,
};

/// The port of risk.
pub trait RiskStore: Send + Sync {
    /// What is stored about an attempt.
    fn risk_inputs(&self, query: &RiskQuery<'_>) -> Result<RiskInputs, StoreError>;
}

/// The account and the network of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct RiskQuery<'a> {
    /// The account; an id of no account for an unknown name.
    pub account: AccountId,
    /// The failure counter of unknown devices.
    pub counter: &'a Digest,
    /// The network.
    pub network: NetworkPrefix,
    /// The maximum number of earlier sign-ins, the latest ones.
    pub most: u32,
    /// The period in which failures count.
    pub recent: Duration,
}

/// What is stored about an attempt.
#[derive(Clone, Debug, Default)]
pub struct RiskInputs {
    /// The earlier sign-ins.
    pub history: History,
    /// The failures.
    pub failures: FailureCounts,
}

/// An assessed sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AssessedRisk {
    pub(super) outcome: RiskOutcome,
    score: u32,
    facts: RiskFacts,
}

impl AssessedRisk {
    /// The event of the assessment.
    pub(super) fn event(&self, origin: &Origin, ambient: &Ambient) -> SecurityEvent {
        let Self { outcome, score, facts } = *self;
        let recorded = outcome_of_event(outcome);
        event_now(EventKind::SignInAssessed, recorded, origin, ambient).with(Details::Risk {
            score,
            outcome,
            facts,
        })
    }

    /// True if no session may be opened.
    pub(super) fn is_refused(self) -> bool {
        self.outcome == RiskOutcome::Refused
    }

    /// True if the account knows the device or the network.
    pub(super) const fn is_familiar(self) -> bool {
        self.facts.known_device || self.facts.known_network
    }

    /// What a refusal records and tells the holder.
    pub(super) fn refusal(
        &self,
        account: AccountId,
        origin: &Origin,
        ambient: &Ambient,
    ) -> Effects {
        let assessed = self.event(origin, ambient).about(account);
        let mail = Mail::SignInRefused { address: origin.address };
        Effects::with_mail(assessed, account, mail, &*ambient.random)
    }
}

/// The files of the operator that an assessment uses.
#[derive(Clone, Default)]
pub struct RiskFiles {
    /// The bad addresses.
    pub bad_addresses: Option<Arc<BadAddresses>>,
    /// The positions of addresses.
    pub positions: Option<Arc<dyn PositionSource>>,
}

/// Assesses the risk of sign-ins.
#[derive(Clone)]
pub struct RiskAssessor {
    store: Arc<dyn RiskStore>,
    counters: FailureCounters,
    policy: RiskPolicy,
    files: RiskFiles,
    ambient: Ambient,
}

impl RiskAssessor {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn RiskStore>,
        counters: FailureCounters,
        policy: RiskPolicy,
        files: RiskFiles,
        ambient: Ambient,
    ) -> Self {
        Self { store, counters, policy, files, ambient }
    }

    /// Reads what is stored about an attempt at the account of a name, or at no account.
    pub(super) fn read(
        &self,
        account: Option<AccountId>,
        origin: &Origin,
    ) -> Result<RiskInputs, StoreError> {
        let nobody = || AccountId::generate(self.ambient.now(), &*self.ambient.random);
        let account = account.unwrap_or_else(nobody);
        self.store.risk_inputs(&RiskQuery {
            account,
            counter: &self.counters.of_strangers(account).key,
            network: NetworkPrefix::of(origin.address),
            most: MAX_SIGN_INS,
            recent: RECENT,
        })
    }

    /// Assesses a sign-in whose first proof is right.
    pub(super) fn assess(
        &self,
        inputs: &RiskInputs,
        device: SignInDevice,
        origin: &Origin,
    ) -> AssessedRisk {
        let known_device = device.known().is_some();
        let attempt = Attempt { at: self.ambient.now(), address: origin.address, known_device };
        let sources = RiskSources {
            bad_addresses: self.files.bad_addresses.as_deref(),
            positions: self.files.positions.as_deref(),
        };
        let facts = facts(&inputs.history, &attempt, inputs.failures, sources);
        let assessed = self.policy.assess(&facts);
        AssessedRisk { outcome: assessed.outcome, score: assessed.score, facts }
    }
}

/// The maximum number of earlier sign-ins of a history: a year, for a person who signs in three times a day.
const MAX_SIGN_INS: u32 = 1_000;

/// The period in which failures count.
const RECENT: Duration = Duration::from_secs(60 * 60);
