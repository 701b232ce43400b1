//! Which roles there are, and how people come by an account.

use std::fmt;

use portcullis_domain::{Moderation, ReservedNames, Role, Severity};
use portcullis_flows::candidate::{AccountRules, RegistrationMode};

use super::finding::Findings;
use super::raw::{self, Environment, RegistrationMode as Mode};

/// The most senior role, which the first administrator gets.
pub(crate) const ADMIN: &str = "admin";

const RESERVED_NAMES: &str = include_str!("../../../../config/reserved-usernames.txt");

/// The roles of the default access matrix.
const DEFAULT_ROLES: [&str; 8] =
    [ADMIN, "coordinator", "faculty", "clinical_staff", "rn", "lpn", "msa", "resident"];

const DEFAULT_SELF_REGISTRATION_ROLE: &str = "msa";

/// The known roles, [`ADMIN`] among them. Prints as what may be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Roles {
    admin: Role,
    all: Vec<Role>,
}

impl Roles {
    #[expect(clippy::expect_used, reason = "the word is a constant")]
    pub(crate) fn check(raw: raw::Accounts, findings: &mut Findings) -> Self {
        const KEY: &str = "accounts.roles";
        let admin = Role::parse(ADMIN).expect("a role can be called admin");
        let words = raw.roles.unwrap_or_else(|| DEFAULT_ROLES.map(str::to_owned).to_vec());
        let mut all = Vec::new();
        for word in words {
            match Role::parse(&word) {
                Ok(role) => all.push(role),
                Err(_) => findings.fault(
                    KEY,
                    "has an entry that cannot be the name of a role",
                    "use lower-case letters, digits and underscores, a letter first",
                ),
            }
        }
        if !all.contains(&admin) {
            findings.fault(KEY, "lacks the role admin", "add \"admin\"");
        }
        Self { admin, all }
    }

    /// The role of that name.
    pub(crate) fn find(&self, word: &str) -> Option<&Role> {
        self.all.iter().find(|role| role.as_str() == word)
    }

    /// The role of the first administrator.
    pub(crate) const fn admin(&self) -> &Role {
        &self.admin
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.all.iter().map(Role::as_str).collect();
        write!(f, "choose one of {}", words.join(", "))
    }
}

/// Checks who may register, as what, and under which names.
pub(crate) fn rules(
    registration: &raw::Registration,
    moderation: Option<raw::Moderation>,
    roles: &Roles,
    environment: Environment,
    findings: &mut Findings,
) -> AccountRules {
    AccountRules {
        mode: mode(registration.mode, environment, findings),
        self_registration_role: role(registration.role.as_deref(), roles, findings),
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

fn role(word: Option<&str>, roles: &Roles, findings: &mut Findings) -> Role {
    const KEY: &str = "registration.role";
    let word = word.unwrap_or(DEFAULT_SELF_REGISTRATION_ROLE);
    match roles.find(word) {
        Some(role) if role == roles.admin() => {
            let problem = "would make everybody who registers an administrator";
            findings.fault(KEY, problem, "choose the least privileged role");
            role.clone()
        }
        Some(role) => role.clone(),
        None => {
            findings.fault(KEY, "names no known role", roles.to_string());
            roles.admin().clone()
        }
    }
}
