//! The configuration, read and checked in two stages.
//!
//! Stage one (`raw.rs`) reads the file and the environment, which overrides the file. Stage two has one
//! module per section and converts the input to valid values. Neither stage stops at the first fault:
//! together they report every fault, and a configuration with a fault is not used.
//!
//! The file is named by `--config`, else by `PORTCULLIS__CONFIG`; else it is `portcullis.toml` in the data
//! directory, if that exists.

mod access;
mod accounts;
mod admin;
mod audit;
mod bans;
mod certificate;
mod console;
mod database;
mod finding;
mod layers;
mod lockout;
mod log;
mod mail;
mod mfa;
mod networks;
mod origin;
mod passwords;
mod rate_limit;
pub(crate) mod raw;
mod redis;
mod retention;
mod revocation;
mod risk;
mod risk_files;
mod sample;
mod schema;
mod server;
mod services;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;
mod tokens;
mod traces;
mod variables;

use std::path::{Path, PathBuf};

use portcullis_console::Brand;
use portcullis_domain::Timestamp;
use portcullis_flows::identity::account_request::{AccountRequest, AccountRules};
use portcullis_flows::node::ban::{BanExemptions, BanSettings};
use portcullis_flows::node::retention::RetentionPolicy;
use portcullis_flows::node::revocation::RevocationPolicy;
use portcullis_flows::node::setting::SettingsInForce;
use portcullis_flows::sign_in::RiskFiles;
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_mail::Transport;
use portcullis_mfa::passkey::RelyingParty;
use portcullis_password::{Argon2Params, Peppers, Policy, PoolSettings};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_redis::RedisUrl;
use portcullis_web::ServiceCredentials;
use toml::Value;
use url::Url;

pub(crate) use access::BUILT_IN as BUILT_IN_MATRIX;
pub use access::MatrixFile;
pub use accounts::Registration;
pub use audit::Audit;
pub use bans::Bans;
pub use database::Database;
pub use finding::{Finding, Findings};
pub use log::Log;
pub use mail::Mail;
pub use rate_limit::RateLimits;
pub use risk::Risk;
pub(crate) use sample::SAMPLE;
pub(crate) use schema::schema;
pub use server::Server;
pub(crate) use services::is_name as is_service_name;
pub use tokens::{Secret, Tokens};
pub use traces::Traces;
pub(crate) use variables::Variables;

use layers::Layers;
use mfa::Mfa;
pub use passwords::BreachLists;
use passwords::Passwords;
use raw::Environment;

/// A checked configuration. Its secrets are redacted in debug output.
#[derive(Debug)]
pub struct Config {
    /// The directory of the server's files.
    pub data_dir: PathBuf,
    /// Address, proxies, cookies and shutdown.
    pub server: Server,
    /// The database.
    pub database: Database,
    /// The secret key, and algorithm, issuer and audience of tokens.
    pub tokens: Tokens,
    /// Lifetimes of sessions and tokens.
    pub sessions: SessionPolicy,
    /// The settings for reading revocations.
    pub revocation: RevocationPolicy,
    /// The services that may read revocations.
    pub services: ServiceCredentials,
    /// The Redis that the nodes share.
    pub redis: Option<RedisUrl>,
    /// Sender, mail server, templates and delivery of mails.
    pub mail: Mail,
    /// The access matrix that the first start activates.
    pub matrix: MatrixFile,
    /// Recording and retention of the audit log.
    pub audit: Audit,
    /// Retention of everything but the audit log.
    pub retention: RetentionPolicy,
    /// The rules for new accounts.
    pub accounts: AccountRules,
    /// True if holders may delete their own accounts.
    pub own_deletion: bool,
    /// The answer to registrations, and the verification of addresses.
    pub registration: Registration,
    /// The password policy.
    pub passwords: Policy,
    /// The lists of breached passwords.
    pub breaches: BreachLists,
    /// The secret keys of password hashes.
    pub peppers: Peppers,
    /// The cost of new password hashes.
    pub argon2: Argon2Params,
    /// The queue of passwords that wait to be hashed.
    pub hashing: PoolSettings,
    /// The name of the service that authenticator apps show.
    pub mfa_issuer: String,
    /// The relying party of passkeys; `None` if the address of the server is no domain name.
    pub relying_party: Option<RelyingParty>,
    /// The assessment of sign-ins.
    pub risk: Risk,
    /// The lockout after failed sign-ins.
    pub lockout: LockoutPolicy,
    /// The rate limits.
    pub rate_limits: RateLimits,
    /// The bans of clients that ignore the rate limits.
    pub bans: Bans,
    /// The administrator to create at the first start.
    pub admin: Option<AccountRequest>,
    /// The name, the logo and the colours of the pages.
    pub brand: Brand,
    /// Level and format of the log.
    pub log: Log,
    /// The collector of traces.
    pub traces: Traces,
    /// The settings in force, for administrators.
    pub settings: SettingsInForce,
}

/// The configuration when nothing is set.
impl Default for Config {
    fn default() -> Self {
        let config = check(raw::Raw::default(), &mut Findings::default());
        config.with_settings(&Layers::default(), &Findings::default())
    }
}

impl Config {
    /// The claim `iss` of every token: the configured address, not the bound one.
    pub(crate) fn issuer(&self) -> String {
        let issuer = self.tokens.issuer.clone();
        issuer.unwrap_or_else(|| self.server.origin(self.server.address))
    }

    /// The configuration with the list of its settings.
    fn with_settings(self, layers: &Layers, findings: &Findings) -> Self {
        let settings = settings::in_force(layers, findings, &self.derived_defaults());
        Self { settings, ..self }
    }

    /// The values in force whose defaults depend on other settings or on the machine.
    fn derived_defaults(&self) -> Vec<(&'static str, Value)> {
        let Self { server, registration, .. } = self;
        let service = self.breaches.service.as_ref().map_or("off", Url::as_str);
        let factors = &self.sessions.factors;
        let numbers = [
            ("server.shutdown_delay_ms", i64::try_from(server.shutdown_delay.as_millis())),
            ("passwords.threads", i64::try_from(self.hashing.threads)),
        ];
        let mut values = vec![
            ("server.base_url", server.origin(server.address).into()),
            ("server.secure_cookies", server.secure_cookies.into()),
            ("server.docs", server.docs.into()),
            ("tokens.issuer", self.issuer().into()),
            ("passwords.breach_service", service.into()),
            ("registration.mode", settings::mode(self.accounts.mode).into()),
            ("registration.answer", settings::answer(registration.answer).into()),
            ("registration.unverified_sign_in", (!registration.requires_verified_email).into()),
            ("mfa.required", settings::required(factors.everybody, factors.administrators).into()),
            ("mfa.issuer", self.mfa_issuer.clone().into()),
            ("console.name", self.brand.name.clone().into()),
        ];
        if let Some(Transport::Smtp(smtp)) = &self.mail.transport {
            values.push(("mail.smtp_port", i64::from(smtp.port).into()));
        }
        values
            .extend(numbers.into_iter().filter_map(|(key, value)| Some((key, value.ok()?.into()))));
        values
    }

    /// The settings of bans. Neither a trusted proxy nor an exempt network is ever banned.
    pub(crate) fn ban_settings(&self) -> BanSettings {
        let Bans { is_automatic, policy } = self.bans.clone();
        let limits = &self.rate_limits;
        let services = limits.quotas.iter().flat_map(|quotas| &quotas.exempt_networks);
        let exempt = self.server.trusted_proxies.iter().chain(services);
        let exempt = exempt.chain(&limits.connections.exempt_networks).copied();
        BanSettings { is_automatic, policy, exemptions: BanExemptions::new(exempt) }
    }
}

/// A configuration that was read, with its faults.
pub(crate) struct LoadedConfig {
    config: Config,
    environment: Environment,
    findings: Findings,
}

impl LoadedConfig {
    /// All faults and warnings.
    pub(crate) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Reads the files that only a server uses, and adds the findings: the TLS certificate and its key, which
    /// must be valid at this time, the filter of breached passwords, and the files of `risk`.
    pub(crate) fn with_files_of_server(mut self, now: Timestamp) -> (Self, RiskFiles) {
        let Self { config, environment, findings } = &mut self;
        if let Some(files) = &config.server.tls {
            let host = config.server.host();
            certificate::inspect(files, host.as_deref(), *environment, now, findings);
        }
        passwords::inspect_filter(&config.breaches, findings);
        let risk_files = risk_files::read(&config.risk, findings);
        (self, risk_files)
    }

    /// The configuration with its warnings, unless it has a fault.
    pub(crate) fn sound(self) -> Result<(Config, Vec<Finding>), Findings> {
        if self.findings.faults.is_empty() {
            Ok((self.config, self.findings.warnings))
        } else {
            Err(self.findings)
        }
    }

    /// The configuration, for a caller that uses only these keys and sections; `None` if one of them has
    /// a fault.
    pub(crate) fn partly(&self, keys: &[&str]) -> Option<&Config> {
        keys.iter().all(|key| self.findings.is_sound(key)).then_some(&self.config)
    }

    /// As [`LoadedConfig::partly`], with a fault as a failure.
    pub(crate) fn needing(&self, keys: &[&str]) -> Result<&Config, Findings> {
        self.partly(keys).ok_or_else(|| self.findings.clone())
    }
}

/// Reads and checks everything. `doctor` uses the valid parts of a faulty configuration.
pub(crate) fn load(named: Option<&Path>, variables: &Variables) -> LoadedConfig {
    let mut findings = Findings::default();
    let mut layers = match file(named, variables) {
        Some(path) => Layers::from_file(&path, &mut findings),
        None => Layers::default(),
    };
    variables.lay_over(&mut layers, &mut findings);
    let raw = layers.read(&mut findings);
    let environment = raw.environment.unwrap_or_default();
    let config = check(raw, &mut findings).with_settings(&layers, &findings);
    LoadedConfig { config, environment, findings }
}

const DEFAULT_DATA_DIR: &str = "data";

/// A named file must exist; reading it reports a missing one. The default file may be missing.
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
    let product = raw.mail.sender_name.clone();
    let base_url = server.origin(server.address);
    let Mfa { policy: factors, issuer: mfa_issuer, relying_party } =
        mfa::check(raw.mfa, product.as_deref(), &base_url, &in_force, environment, findings);
    let networks = accounts::networks(raw.accounts.networks_by_role, &in_force, findings);
    let sessions = SessionPolicy { factors, networks, ..sessions };
    let retention = retention::check(&raw.retention, sessions.refresh_lifetime, findings);
    let sessions = SessionPolicy { device_memory: retention.devices, ..sessions };
    let tokens = Tokens::check(raw.tokens, &data_dir, environment, findings);
    let mail = Mail::check(raw.mail, &base_url, environment, findings);
    let Passwords { policy, breaches, peppers, params, pool } =
        Passwords::check(raw.passwords, environment, findings);
    let admin = admin::check(raw.admin, &policy, findings);
    Config {
        database: Database::check(raw.database, &data_dir, environment, findings),
        data_dir,
        server,
        tokens,
        sessions,
        revocation: revocation::check(&raw.revocation, findings),
        services: services::check(raw.services, findings),
        redis: redis::check(&raw.redis, findings),
        mail,
        own_deletion: raw.accounts.own_deletion.unwrap_or(true),
        accounts: accounts::rules(&raw.registration, raw.moderation, environment),
        registration: Registration::check(&raw.registration, environment, findings),
        passwords: policy,
        breaches,
        peppers,
        matrix,
        audit: Audit::check(raw.audit, findings),
        retention,
        argon2: params,
        hashing: pool,
        mfa_issuer,
        relying_party,
        risk: Risk::check(raw.risk, findings),
        lockout: lockout::check(&raw.lockout, environment, findings),
        bans: bans::check(&raw.rate_limit, findings),
        rate_limits: RateLimits::check(raw.rate_limit, environment, findings),
        admin,
        brand: console::check(raw.console, product.as_deref(), findings),
        log: raw.log.into(),
        traces: traces::check(&raw.traces, findings),
        settings: SettingsInForce::default(),
    }
}
