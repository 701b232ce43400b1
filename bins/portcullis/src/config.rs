//! What the operator decides, in two stages.
//!
//! Stage one (`raw.rs`) reads what was written: a file, overridden by the environment. Stage two, a
//! file per section, turns it into values that cannot be wrong. Neither stops at a fault; together
//! they report every one of them, and a configuration with a fault is not used at all.
//!
//! The file is the one that `--config` names, else the one that `PORTCULLIS__CONFIG` names, else
//! `portcullis.toml` in the data directory if there is one.

mod access;
mod accounts;
mod admin;
mod audit;
mod database;
mod finding;
mod layers;
mod lockout;
mod log;
mod origin;
mod passwords;
pub(crate) mod raw;
mod redis;
mod retention;
mod revocation;
mod server;
mod services;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;
mod variables;

use std::path::{Path, PathBuf};

use portcullis_domain::SecretString;
use portcullis_flows::identity::account_request::{AccountRequest, AccountRules};
use portcullis_flows::node::retention::RetentionPolicy;
use portcullis_flows::node::revocation::RevocationPolicy;
use portcullis_flows::sign_in::lockout::LockoutPolicy;
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_password::{Argon2Params, Policy, PoolSettings};
use portcullis_web::ServiceCredentials;

pub use access::MatrixFile;
pub use audit::Audit;
pub use database::Database;
pub use finding::{Finding, Findings};
pub use log::Log;
pub use server::Server;
pub(crate) use services::is_name as is_service_name;
pub use tokens::{Secret, Tokens};
pub(crate) use variables::Variables;

use layers::Layers;
use passwords::Passwords;

/// A checked configuration. Secrets in it print as redacted.
#[derive(Debug)]
pub struct Config {
    /// Where the files of the server are.
    pub data_dir: PathBuf,
    /// Where it listens, and what it believes of proxies.
    pub server: Server,
    /// Where the data is.
    pub database: Database,
    /// What tokens are signed with, and for whom.
    pub tokens: Tokens,
    /// How long sessions and tokens live.
    pub sessions: SessionPolicy,
    /// How revocations reach this node.
    pub revocation: RevocationPolicy,
    /// Who may follow them.
    pub services: ServiceCredentials,
    /// The Redis that nodes share.
    pub redis: Option<SecretString>,
    /// The access matrix that the first start puts in force.
    pub matrix: MatrixFile,
    /// How the audit trail is written and kept.
    pub audit: Audit,
    /// How long everything but the audit trail is kept.
    pub retention: RetentionPolicy,
    /// The rules for new accounts.
    pub accounts: AccountRules,
    /// What new passwords must be like.
    pub passwords: Policy,
    /// The cost of new password hashes.
    pub argon2: Argon2Params,
    /// The queue of passwords that wait to be hashed.
    pub hashing: PoolSettings,
    /// How failed sign-ins delay further ones.
    pub lockout: LockoutPolicy,
    /// The administrator to create at the first start.
    pub admin: Option<AccountRequest>,
    /// What is logged, and how.
    pub log: Log,
}

/// The configuration when nothing is set.
impl Default for Config {
    fn default() -> Self {
        check(raw::Raw::default(), &mut Findings::default())
    }
}

impl Config {
    /// The claim `iss` of every token: as configured, not as bound.
    pub(crate) fn issuer(&self) -> String {
        let issuer = self.tokens.issuer.clone();
        issuer.unwrap_or_else(|| self.server.origin(self.server.address))
    }
}

/// A configuration that was read, sound or not.
pub(crate) struct Loaded {
    config: Config,
    findings: Findings,
}

impl Loaded {
    /// Everything found.
    pub(crate) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The configuration with its warnings, unless it has a fault.
    pub(crate) fn sound(self) -> Result<(Config, Vec<Finding>), Findings> {
        if self.findings.faults.is_empty() {
            Ok((self.config, self.findings.warnings))
        } else {
            Err(self.findings)
        }
    }

    /// What can be relied on although something else may be wrong: nothing, unless all of these
    /// keys and sections are sound.
    pub(crate) fn partly(&self, keys: &[&str]) -> Option<&Config> {
        keys.iter().all(|key| self.findings.is_sound(key)).then_some(&self.config)
    }

    /// As [`Loaded::partly`], for who cannot go on without.
    pub(crate) fn needing(&self, keys: &[&str]) -> Result<&Config, Findings> {
        self.partly(keys).ok_or_else(|| self.findings.clone())
    }
}

/// Reads and checks everything; the sound parts of a faulty configuration are kept for `doctor`.
pub(crate) fn load(named: Option<&Path>, variables: &Variables) -> Loaded {
    let mut findings = Findings::default();
    let mut layers = match file(named, variables) {
        Some(path) => Layers::from_file(&path, &mut findings),
        None => Layers::default(),
    };
    variables.lay_over(&mut layers, &mut findings);
    let raw = layers.read(&mut findings);
    let config = check(raw, &mut findings);
    Loaded { config, findings }
}

const DEFAULT_DATA_DIR: &str = "data";

/// A named file must exist, and reading it will tell if it does not; an unnamed one may be missing.
fn file(named: Option<&Path>, variables: &Variables) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| variables.config_file()).or_else(|| {
        let data_dir = variables.data_dir().unwrap_or_else(|| DEFAULT_DATA_DIR.into());
        Some(data_dir.join("portcullis.toml")).filter(|path| path.exists())
    })
}

fn check(raw: raw::Raw, findings: &mut Findings) -> Config {
    let environment = raw.environment.unwrap_or_default();
    let data_dir = raw.data_dir.unwrap_or_else(|| DEFAULT_DATA_DIR.into());
    if data_dir.as_os_str().is_empty() {
        findings.fault("data_dir", "is empty", "name a directory");
    }
    let server = Server::check(raw.server, environment, findings);
    let matrix = MatrixFile::check(raw.access, findings);
    let in_force = matrix.active.load();
    let sessions = sessions::check(raw.sessions, &raw.tokens, &in_force, environment, findings);
    let refresh_lifetime = sessions.refresh_lifetime;
    let tokens = Tokens::check(raw.tokens, &data_dir, environment, findings);
    let Passwords { policy, params, pool } = Passwords::check(raw.passwords, environment, findings);
    let admin = admin::check(raw.admin, &policy, findings);
    Config {
        database: Database::check(raw.database, &data_dir, environment, findings),
        data_dir,
        server,
        tokens,
        sessions,
        revocation: revocation::check(&raw.revocation, findings),
        services: services::check(raw.services, findings),
        redis: redis::check(raw.redis, findings),
        accounts: accounts::rules(&raw.registration, raw.moderation, environment, findings),
        passwords: policy,
        matrix,
        audit: Audit::check(raw.audit, findings),
        retention: retention::check(&raw.retention, refresh_lifetime, findings),
        argon2: params,
        hashing: pool,
        lockout: lockout::check(&raw.lockout, environment, findings),
        admin,
        log: raw.log.into(),
    }
}
