//! The sections `registration` and `moderation`: the rules for new accounts.

use portcullis_domain::{Moderation, ReservedNames, Severity};
use portcullis_flows::identity::account_request::{AccountRules, RegistrationMode};

use super::finding::Findings;
use super::raw::{self, Environment, RegistrationMode as Mode};

const RESERVED_NAMES: &str = include_str!("../../../../config/reserved-usernames.txt");

/// Checks the mode of registration and the rules for names.
pub(crate) fn rules(
    registration: &raw::Registration,
    moderation: Option<raw::Moderation>,
    environment: Environment,
    findings: &mut Findings,
) -> AccountRules {
    AccountRules {
        mode: mode(registration.mode, environment, findings),
        reserved_names: ReservedNames::parse(RESERVED_NAMES),
        moderation: match moderation.unwrap_or(raw::Moderation::Severe) {
            raw::Moderation::Off => None,
            raw::Moderation::Mild => Some(Moderation::new(Severity::Mild)),
            raw::Moderation::Moderate => Some(Moderation::new(Severity::Moderate)),
            raw::Moderation::Severe => Some(Moderation::new(Severity::Severe)),
        },
    }
}

fn mode(raw: Option<Mode>, environment: Environment, findings: &mut Findings) -> RegistrationMode {
    let in_production = environment == Environment::Production;
    let default = if in_production { Mode::AdminOnly } else { Mode::Open };
    match raw.unwrap_or(default) {
        Mode::Open => RegistrationMode::Open,
        Mode::AdminOnly => RegistrationMode::AdminOnly,
        Mode::Closed => RegistrationMode::Closed,
        Mode::Invite => {
            let problem = "asks for invitations, which this version does not have";
            findings.fault("registration.mode", problem, "write open, admin_only or closed");
            RegistrationMode::AdminOnly
        }
    }
}
