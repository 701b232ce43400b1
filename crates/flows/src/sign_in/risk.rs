//! Risk of a sign-in: a score of whole points, each of which has a signal with its reason.
//!
//! A pure function of [`RiskFacts`]: the same facts and the same policy give the same score, so a recorded
//! sign-in can be explained and replayed. A worse fact never lowers the score. Nothing that a client writes
//! freely is a fact; the device cookie is signed by the server.
//!
//! - The first sign-in of an account has no history, so no signal of the history applies to it.
//! - **Signals of strangers** (failures, credential stuffing, impossible travel) apply to unknown devices only:
//!   a stranger cannot get the owner of a known device challenged by failures.
//! - **Impossible travel challenges and never refuses**: positions of addresses are estimates.
//! - **Failures of a network that the account knows challenge and never refuse**: its neighbours share it.

use std::ops::RangeInclusive;

use portcullis_audit::{Outcome, RiskFacts, RiskOutcome};

pub use self::bad_addresses::{BadAddresses, BadAddressesError};
pub use self::history::{
    Attempt, FailureCounts, HABIT_SIGN_INS, History, PastSignIn, RiskSources, facts,
};
pub use self::position::{Position, PositionSource, kilometres_between};
pub use self::position_file::{PositionFileError, Positions};
pub use self::signal::{IMPOSSIBLE_KILOMETRES, IMPOSSIBLE_SPEED, Signal, SignalScore};
use self::signal::{is_history, is_impossible};

mod bad_addresses;
mod history;
mod position;
mod position_file;
mod signal;

/// The weights and thresholds of the assessment. Docs: docs/risk.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskPolicy {
    /// The points of the signals.
    pub weights: RiskWeights,
    /// The score from which a sign-in is challenged, in points.
    pub challenge_at: u32,
    /// The score from which a sign-in is refused, in points. The points of signals that only challenge do not
    /// count.
    pub refuse_at: u32,
}

/// The points of each signal. Zero switches a signal off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskWeights {
    /// An unknown device.
    pub new_device: u32,
    /// A network prefix without an earlier sign-in.
    pub new_network: u32,
    /// An hour of the week with few earlier sign-ins.
    pub unusual_hour: u32,
    /// The share of earlier sign-ins, in thousandths, below which an hour is unusual.
    pub unusual_below_permille: u16,
    /// Failures of unknown devices for the account.
    pub account_failures: CountedWeight,
    /// Failures from the network prefix.
    pub network_failures: CountedWeight,
    /// Distinct names that failed from the network prefix: the pattern of credential stuffing.
    pub network_names: CountedWeight,
    /// A way from the latest sign-in that nobody travels in the time.
    pub impossible_travel: u32,
    /// An address on the list of bad addresses.
    pub listed_address: u32,
}

/// The points of a number: each one beyond `free` counts, up to a maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedWeight {
    /// The number that costs nothing.
    pub free: u32,
    /// The points of each further one.
    pub each: u32,
    /// The maximum of the points.
    pub max: u32,
}

impl CountedWeight {
    const fn points(self, count: u32) -> u32 {
        let points = count.saturating_sub(self.free).saturating_mul(self.each);
        if points < self.max { points } else { self.max }
    }
}

/// The values that the simulation of docs/risk.md measures.
impl Default for RiskWeights {
    fn default() -> Self {
        Self {
            new_device: 20,
            new_network: 25,
            unusual_hour: 15,
            unusual_below_permille: 10,
            account_failures: CountedWeight { free: 0, each: 2, max: 10 },
            network_failures: CountedWeight { free: 30, each: 1, max: 20 },
            network_names: CountedWeight { free: 20, each: 2, max: 40 },
            impossible_travel: 30,
            listed_address: 25,
        }
    }
}

impl Default for RiskPolicy {
    fn default() -> Self {
        Self { weights: RiskWeights::default(), challenge_at: 40, refuse_at: 100 }
    }
}

/// The result of an assessment, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskAssessment {
    /// The sum of the points.
    pub score: u32,
    /// The decision.
    pub outcome: RiskOutcome,
    /// The signals that have points, in the order of [`Signal::ALL`].
    pub signals: Vec<SignalScore>,
}

/// The outcome of the event that records an assessment.
pub(crate) const fn outcome_of_event(outcome: RiskOutcome) -> Outcome {
    match outcome {
        RiskOutcome::Allowed => Outcome::Success,
        RiskOutcome::Challenged => Outcome::Challenged,
        RiskOutcome::Refused => Outcome::TooRisky,
    }
}

impl RiskPolicy {
    /// The thresholds that can be set, in points.
    pub const THRESHOLDS: RangeInclusive<u32> = 1..=1_000;

    /// The same weights, with those of these thresholds that are given.
    #[must_use]
    pub fn with_thresholds(self, challenge_at: Option<u32>, refuse_at: Option<u32>) -> Self {
        Self {
            challenge_at: challenge_at.unwrap_or(self.challenge_at),
            refuse_at: refuse_at.unwrap_or(self.refuse_at),
            ..self
        }
    }

    /// Assesses a sign-in whose first proof is right.
    pub fn assess(&self, facts: &RiskFacts) -> RiskAssessment {
        let signals: Vec<_> = Signal::ALL
            .iter()
            .map(|signal| SignalScore {
                signal: *signal,
                points: self.weights.points(*signal, facts),
            })
            .filter(|signal| signal.points > 0)
            .collect();
        let score = sum(&signals, |_| true);
        let outcome = if sum(&signals, |signal| refuses(signal, facts)) >= self.refuse_at {
            RiskOutcome::Refused
        } else if score >= self.challenge_at {
            RiskOutcome::Challenged
        } else {
            RiskOutcome::Allowed
        };
        RiskAssessment { score, outcome, signals }
    }
}

impl RiskWeights {
    /// The points of a signal; zero if the facts do not show it.
    fn points(&self, signal: Signal, facts: &RiskFacts) -> u32 {
        let when = |is_shown: bool, points: u32| if is_shown { points } else { 0 };
        let points = match signal {
            Signal::NewDevice => when(!facts.known_device, self.new_device),
            Signal::NewNetwork => when(!facts.known_network, self.new_network),
            Signal::UnusualHour => {
                let share = facts.usual_hour_permille;
                when(
                    share.is_some_and(|share| share < self.unusual_below_permille),
                    self.unusual_hour,
                )
            }
            Signal::AccountFailures => self.account_failures.points(facts.account_failures),
            Signal::NetworkFailures => self.network_failures.points(facts.network_failures),
            Signal::CredentialStuffing => self.network_names.points(facts.network_names),
            Signal::ImpossibleTravel => {
                when(facts.travel.is_some_and(is_impossible), self.impossible_travel)
            }
            Signal::ListedAddress => when(facts.listed_address, self.listed_address),
        };
        let has_history = facts.earlier_sign_ins > 0;
        when((has_history || !is_history(signal)) && applies(signal, facts), points)
    }
}

/// True unless the signal is one of strangers and the device is known.
const fn applies(signal: Signal, facts: &RiskFacts) -> bool {
    match signal {
        Signal::AccountFailures
        | Signal::NetworkFailures
        | Signal::CredentialStuffing
        | Signal::ImpossibleTravel => !facts.known_device,
        Signal::NewDevice | Signal::NewNetwork | Signal::UnusualHour | Signal::ListedAddress => {
            true
        }
    }
}

/// True unless the signal challenges only: a position is an estimate, and on a known network the failures may be
/// those of neighbours.
const fn refuses(signal: Signal, facts: &RiskFacts) -> bool {
    match signal {
        Signal::ImpossibleTravel => false,
        Signal::NetworkFailures | Signal::CredentialStuffing => !facts.known_network,
        _ => true,
    }
}

fn sum(signals: &[SignalScore], counts: impl Fn(Signal) -> bool) -> u32 {
    let counted = signals.iter().filter(|signal| counts(signal.signal));
    counted.fold(0, |sum: u32, signal| sum.saturating_add(signal.points))
}

#[cfg(test)]
mod tests;
