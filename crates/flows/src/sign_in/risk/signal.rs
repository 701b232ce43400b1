//! Signals of the risk score, each with a stable word and a sentence for people.

use std::fmt;

use portcullis_audit::{RiskFacts, Travel};

/// The distance from which travel can be impossible, in kilometres, accuracy radii taken off.
pub const IMPOSSIBLE_KILOMETRES: u32 = 100;

/// The speed from which travel is impossible, in kilometres an hour: an airliner flies at 900.
pub const IMPOSSIBLE_SPEED: u32 = 1_000;

/// A reason for points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// The device is unknown.
    NewDevice,
    /// The network prefix is unknown.
    NewNetwork,
    /// The hour of the week is unusual.
    UnusualHour,
    /// Unknown devices failed for the account.
    AccountFailures,
    /// Clients of the network prefix failed.
    NetworkFailures,
    /// Clients of the network prefix failed for many names.
    CredentialStuffing,
    /// Nobody travels that fast.
    ImpossibleTravel,
    /// The address is on the list of bad addresses.
    ListedAddress,
}

/// A signal and its share of the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalScore {
    /// The signal.
    pub signal: Signal,
    /// Its points.
    pub points: u32,
}

impl Signal {
    /// All signals, in the order in which an assessment lists them.
    pub const ALL: &[Self] = &[
        Self::NewDevice,
        Self::NewNetwork,
        Self::UnusualHour,
        Self::AccountFailures,
        Self::NetworkFailures,
        Self::CredentialStuffing,
        Self::ImpossibleTravel,
        Self::ListedAddress,
    ];

    /// The stable word for programs. It never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewDevice => "new_device",
            Self::NewNetwork => "new_network",
            Self::UnusualHour => "unusual_hour",
            Self::AccountFailures => "account_failures",
            Self::NetworkFailures => "network_failures",
            Self::CredentialStuffing => "credential_stuffing",
            Self::ImpossibleTravel => "impossible_travel",
            Self::ListedAddress => "listed_address",
        }
    }

    /// One sentence that explains the signal by the facts, without a full stop.
    pub fn explain(self, facts: &RiskFacts) -> String {
        match self {
            Self::NewDevice => "the device has not signed in to this account before".to_owned(),
            Self::NewNetwork => {
                "the account has not been signed in to from this network before".to_owned()
            }
            Self::UnusualHour => {
                let permille = facts.usual_hour_permille.unwrap_or_default();
                let (whole, tenths) = (permille / 10, permille % 10);
                format!(
                    "{whole}.{tenths} % of {} earlier sign-ins were at about this hour of the week",
                    facts.earlier_sign_ins
                )
            }
            Self::AccountFailures => format!(
                "unknown devices failed to sign in to the account, recent failures: {}",
                facts.account_failures
            ),
            Self::NetworkFailures => format!(
                "sign-ins from this network failed in the last hour, failures: {}",
                facts.network_failures
            ),
            Self::CredentialStuffing => format!(
                "sign-ins from this network failed in the last hour for different names: {}",
                facts.network_names
            ),
            Self::ImpossibleTravel => {
                let Travel { kilometres, minutes } =
                    facts.travel.unwrap_or(Travel { kilometres: 0, minutes: 0 });
                format!(
                    "the latest sign-in was {minutes} minutes ago, at least {kilometres} km away"
                )
            }
            Self::ListedAddress => "the address is on the list of bad addresses".to_owned(),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// True if the signal compares a sign-in with earlier ones of the account.
pub(super) const fn is_history(signal: Signal) -> bool {
    matches!(
        signal,
        Signal::NewDevice | Signal::NewNetwork | Signal::UnusualHour | Signal::ImpossibleTravel
    )
}

/// True if the distance is too long for the time.
pub(super) fn is_impossible(travel: Travel) -> bool {
    let possible = u64::from(IMPOSSIBLE_SPEED) * u64::from(travel.minutes);
    travel.kilometres > IMPOSSIBLE_KILOMETRES && u64::from(travel.kilometres) * 60 > possible
}
