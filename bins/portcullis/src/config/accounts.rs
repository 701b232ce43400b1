//! The sections `accounts`, `registration` and `moderation`: the rules for accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_domain::{Moderation, NetworkList, ReservedNames, Severity};
use portcullis_flows::access::matrix::MatrixInForce;
use portcullis_flows::identity::account_request::{AccountRules, RegistrationMode};
use portcullis_flows::identity::mail_limit::MailLimit;
use portcullis_flows::identity::network_allowlist::NetworkAllowlists;
use portcullis_flows::identity::pending_registration::PendingRegistrationPolicy;
use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_flows::sign_in::network_policy::NetworkPolicy;

use super::finding::Findings;
use super::raw::{self, Environment, RegistrationAnswer as Answer, RegistrationMode as Mode};
use crate::roles;

const RESERVED_NAMES: &str = include_str!("../../config/reserved-usernames.txt");

/// The mode of registration and the rules for names.
pub(crate) fn rules(
    registration: &raw::Registration,
    moderation: Option<raw::Moderation>,
    environment: Environment,
) -> AccountRules {
    AccountRules {
        mode: mode(registration.mode, environment),
        reserved_names: ReservedNames::parse(RESERVED_NAMES),
        moderation: match moderation.unwrap_or(raw::Moderation::Severe) {
            raw::Moderation::Off => None,
            raw::Moderation::Mild => Some(Moderation::new(Severity::Mild)),
            raw::Moderation::Moderate => Some(Moderation::new(Severity::Moderate)),
            raw::Moderation::Severe => Some(Moderation::new(Severity::Severe)),
        },
    }
}

/// The networks that accounts of single roles may be used from.
pub(crate) fn networks(
    raw: Option<BTreeMap<String, Vec<String>>>,
    matrix: &MatrixInForce,
    findings: &mut Findings,
) -> NetworkPolicy {
    let mut by_role = BTreeMap::new();
    for (word, list) in raw.unwrap_or_default() {
        let key = format!("accounts.networks_by_role.{word}");
        let networks = NetworkList::parse(list.iter().map(String::as_str));
        let networks = networks.unwrap_or_else(|error| {
            let remedy = "list networks such as 10.0.0.0/8, or single addresses";
            findings.fault(&key, error.to_string(), remedy);
            NetworkList::default()
        });
        if list.is_empty() || list.len() > NetworkAllowlists::MAX_NETWORKS {
            let remedy = "list 1 to 20 networks, or remove the role to allow all";
            findings.fault(&key, "has no network, or more than 20", remedy);
        }
        match roles::find(&matrix.matrix, &word) {
            Some(role) => drop(by_role.insert(role, networks)),
            // A faulty matrix has no known roles.
            None if !findings.is_sound("access") => {}
            None => {
                let problem = "names no role of the access matrix";
                findings.fault(&key, problem, roles::choices(&matrix.matrix));
            }
        }
    }
    NetworkPolicy::new(by_role)
}

/// The checked section `registration`, except the mode.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    /// The answer to a registration.
    pub answer: RegistrationAnswer,
    /// The rules for registrations that wait for their link.
    pub pending: PendingRegistrationPolicy,
    /// True if accounts that must verify their address get no session before that.
    pub requires_verified_email: bool,
}

impl Registration {
    pub(crate) fn check(
        raw: &raw::Registration,
        environment: Environment,
        findings: &mut Findings,
    ) -> Self {
        const ANSWER: &str = "registration.answer";
        let in_development = environment == Environment::Development;
        let default = if in_development { Answer::Immediate } else { Answer::Verified };
        let answer = raw.answer.unwrap_or(default);
        if environment == Environment::Production && answer == Answer::Immediate {
            let problem = "reveals by its answers which names and addresses have accounts";
            findings.warn(ANSWER, problem, "write verified");
        }
        let hours = findings.within("registration.pending_hours", raw.pending_hours, 24, 1..=168);
        let mails = findings.within("registration.mails_per_hour", raw.mails_per_hour, 5, 1..=100);
        Self {
            answer: match answer {
                Answer::Verified => RegistrationAnswer::Verified,
                Answer::Immediate => RegistrationAnswer::Immediate,
            },
            pending: PendingRegistrationPolicy {
                lifetime: HOUR * hours,
                mails: MailLimit::in_an_hour(mails),
            },
            requires_verified_email: !raw.unverified_sign_in.unwrap_or(in_development),
        }
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);

fn mode(raw: Option<Mode>, environment: Environment) -> RegistrationMode {
    let in_production = environment == Environment::Production;
    let default = if in_production { Mode::Invite } else { Mode::Open };
    match raw.unwrap_or(default) {
        Mode::Open => RegistrationMode::Open,
        Mode::Invite => RegistrationMode::Invite,
        Mode::AdminOnly => RegistrationMode::AdminOnly,
        Mode::Closed => RegistrationMode::Closed,
    }
}
