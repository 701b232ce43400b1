//! Stage one of the configuration: the keys and their types, without checks of values.
//!
//! Each section is a struct, and each key an optional field. Serde refuses unknown keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis_domain::SecretString;
use schemars::JsonSchema;
use serde::Deserialize;

/// A whole configuration, unchecked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) environment: Option<Environment>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) moderation: Option<Moderation>,
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
    pub(crate) passwords: Passwords,
    pub(crate) registration: Registration,
    pub(crate) accounts: Accounts,
    pub(crate) access: Access,
    pub(crate) revocation: Revocation,
    pub(crate) services: BTreeMap<String, String>,
    pub(crate) redis: Redis,
    pub(crate) mail: Mail,
    pub(crate) audit: Audit,
    pub(crate) retention: Retention,
    pub(crate) mfa: Mfa,
    pub(crate) risk: Risk,
    pub(crate) lockout: Lockout,
    pub(crate) rate_limit: RateLimit,
    pub(crate) admin: Admin,
    pub(crate) console: Console,
    pub(crate) log: Log,
    pub(crate) traces: Traces,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Console {
    pub(crate) name: Option<String>,
    pub(crate) logo: Option<PathBuf>,
    pub(crate) accent: Option<String>,
    pub(crate) accent_dark: Option<String>,
}

/// The environment of the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Environment {
    /// The machine of a developer: starts without configuration.
    #[default]
    Development,
    /// A test of production: values that nodes share must be configured.
    Staging,
    /// Production: every safety is on and cannot be switched off.
    Production,
}

/// The severity from which words are refused in names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Moderation {
    Off,
    Mild,
    Moderate,
    Severe,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) address: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) cors_origins: Option<Vec<String>>,
    pub(crate) trusted_proxies: Option<Vec<String>>,
    pub(crate) forwarding_header: Option<ForwardingHeader>,
    pub(crate) proxy_protocol: Option<bool>,
    pub(crate) secure_cookies: Option<bool>,
    pub(crate) docs: Option<bool>,
    pub(crate) shutdown_delay_ms: Option<u64>,
    pub(crate) operations_address: Option<String>,
    pub(crate) redirect_address: Option<String>,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
}

/// The header in which trusted proxies forward the client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForwardingHeader {
    XForwardedFor,
    Forwarded,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    #[schemars(with = "Option<String>")]
    pub(crate) url: Option<SecretString>,
    pub(crate) connections: Option<u32>,
    pub(crate) allow_plaintext: Option<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tokens {
    #[schemars(with = "Option<String>")]
    pub(crate) secret_key: Option<SecretString>,
    #[schemars(with = "Option<String>")]
    pub(crate) secret_key_previous: Option<SecretString>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) access_minutes: Option<u32>,
    pub(crate) refresh_days: Option<u32>,
}

/// The algorithm of access tokens, by its name in RFC 7518 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum Algorithm {
    #[serde(rename = "HS256")]
    Hs256,
    #[serde(rename = "EdDSA")]
    EdDsa,
    #[serde(rename = "ES256")]
    Es256,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sessions {
    pub(crate) rotate: Option<bool>,
    pub(crate) absolute_days: Option<u32>,
    pub(crate) absolute_hours_by_role: Option<BTreeMap<String, u32>>,
    pub(crate) idle_minutes_by_role: Option<BTreeMap<String, u32>>,
    pub(crate) most: Option<u32>,
    pub(crate) rotation_grace_seconds: Option<u32>,
    pub(crate) on_reuse: Option<OnReuse>,
    pub(crate) alert_new_devices: Option<bool>,
}

/// The sessions that end when a refresh token is reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnReuse {
    All,
    This,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Passwords {
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: Option<usize>,
    pub(crate) require_classes: Option<u8>,
    pub(crate) min_score: Option<u8>,
    pub(crate) product_names: Option<Vec<String>>,
    pub(crate) breach_filter: Option<PathBuf>,
    pub(crate) breach_service: Option<String>,
    #[schemars(with = "Option<String>")]
    pub(crate) pepper: Option<SecretString>,
    #[schemars(with = "Option<String>")]
    pub(crate) pepper_previous: Option<SecretString>,
    pub(crate) memory_kib: Option<u32>,
    pub(crate) iterations: Option<u32>,
    pub(crate) parallelism: Option<u32>,
    pub(crate) threads: Option<usize>,
    pub(crate) queue: Option<usize>,
    pub(crate) deadline_ms: Option<u64>,
    pub(crate) max_bcrypt_cost: Option<u32>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Registration {
    pub(crate) mode: Option<RegistrationMode>,
    pub(crate) answer: Option<RegistrationAnswer>,
    pub(crate) pending_hours: Option<u32>,
    pub(crate) mails_per_hour: Option<u32>,
    pub(crate) unverified_sign_in: Option<bool>,
}

/// The answer to a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RegistrationAnswer {
    Verified,
    Immediate,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Accounts {
    pub(crate) own_deletion: Option<bool>,
    pub(crate) networks_by_role: Option<BTreeMap<String, Vec<String>>>,
}

/// The mode of registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RegistrationMode {
    Open,
    Invite,
    AdminOnly,
    Closed,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Access {
    pub(crate) matrix: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Revocation {
    pub(crate) strict: Option<bool>,
    pub(crate) poll_ms: Option<u64>,
    pub(crate) staleness_seconds: Option<u64>,
    pub(crate) when_stale: Option<WhenStale>,
}

/// The treatment of valid tokens while recent revocations are unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WhenStale {
    RefuseChanges,
    RefuseAll,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Redis {
    #[schemars(with = "Option<String>")]
    pub(crate) url: Option<SecretString>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    pub(crate) smtp_host: Option<String>,
    pub(crate) smtp_port: Option<u16>,
    pub(crate) smtp_user: Option<String>,
    #[schemars(with = "Option<String>")]
    pub(crate) smtp_password: Option<SecretString>,
    pub(crate) encryption: Option<MailEncryption>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) from: Option<String>,
    pub(crate) sender_name: Option<String>,
    pub(crate) templates: Option<PathBuf>,
    pub(crate) connections: Option<usize>,
    pub(crate) connect_timeout_seconds: Option<u32>,
    pub(crate) delivery_timeout_seconds: Option<u32>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) verify_hours: Option<u32>,
    pub(crate) reset_minutes: Option<u32>,
    pub(crate) invitation_days: Option<u32>,
    pub(crate) disavowal_days: Option<u32>,
    pub(crate) resets_per_hour: Option<u32>,
}

/// The encryption of the connection to the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailEncryption {
    StartTls,
    Tls,
    None,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Audit {
    pub(crate) window_ms: Option<u64>,
    pub(crate) strict: Option<bool>,
    pub(crate) queue: Option<usize>,
    pub(crate) queue_mib: Option<usize>,
    pub(crate) checkpoint_every_seconds: Option<u64>,
    pub(crate) checkpoint_directory: Option<PathBuf>,
    pub(crate) retention_days: Option<u64>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    pub(crate) sessions_days: Option<u32>,
    pub(crate) sign_in_failures_days: Option<u32>,
    pub(crate) outbox_days: Option<u32>,
    pub(crate) delivered_mails_days: Option<u32>,
    pub(crate) former_emails_days: Option<u32>,
    pub(crate) api_keys_days: Option<u32>,
    pub(crate) devices_days: Option<u32>,
    pub(crate) expired_hours: Option<u32>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mfa {
    pub(crate) required: Option<FactorRequirement>,
    pub(crate) required_roles: Option<Vec<String>>,
    pub(crate) issuer: Option<String>,
    pub(crate) passkey_models: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Risk {
    pub(crate) enabled: Option<bool>,
    pub(crate) challenge_at: Option<u32>,
    pub(crate) refuse_at: Option<u32>,
    pub(crate) bad_addresses: Option<PathBuf>,
    pub(crate) positions: Option<PathBuf>,
    pub(crate) weights: RiskWeights,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RiskWeights {
    pub(crate) new_device: Option<u32>,
    pub(crate) new_network: Option<u32>,
    pub(crate) unusual_hour: Option<u32>,
    pub(crate) unusual_below_permille: Option<u16>,
    pub(crate) account_failures: Option<CountedWeight>,
    pub(crate) network_failures: Option<CountedWeight>,
    pub(crate) network_names: Option<CountedWeight>,
    pub(crate) impossible_travel: Option<u32>,
    pub(crate) listed_address: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CountedWeight {
    pub(crate) free: Option<u32>,
    pub(crate) each: Option<u32>,
    pub(crate) max: Option<u32>,
}

/// The accounts that must have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FactorRequirement {
    Nobody,
    Administrators,
    Everybody,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lockout {
    pub(crate) free_failures: Option<u32>,
    pub(crate) first_wait_seconds: Option<u64>,
    pub(crate) longest_wait_seconds: Option<u64>,
    pub(crate) forget_after_seconds: Option<u64>,
    pub(crate) ceiling: Option<u32>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RateLimit {
    pub(crate) enabled: Option<bool>,
    pub(crate) login_attempts: Option<u32>,
    pub(crate) login_window_seconds: Option<u64>,
    pub(crate) register_attempts: Option<u32>,
    pub(crate) register_window_seconds: Option<u64>,
    pub(crate) forgot_attempts: Option<u32>,
    pub(crate) forgot_window_seconds: Option<u64>,
    pub(crate) requests: Option<u32>,
    pub(crate) account_requests: Option<u32>,
    pub(crate) key_requests: Option<u32>,
    pub(crate) requests_window_seconds: Option<u64>,
    pub(crate) connections: Option<usize>,
    pub(crate) connections_in_all: Option<usize>,
    pub(crate) concurrent_requests: Option<usize>,
    pub(crate) concurrent_requests_in_all: Option<usize>,
    pub(crate) bans: Option<bool>,
    pub(crate) ban_offences: Option<u32>,
    pub(crate) ban_window_seconds: Option<u64>,
    pub(crate) ban_first_seconds: Option<u64>,
    pub(crate) ban_longest_seconds: Option<u64>,
    pub(crate) exempt_networks: Option<Vec<String>>,
    pub(crate) memory_mib: Option<usize>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Admin {
    pub(crate) email: Option<String>,
    pub(crate) username: Option<String>,
    #[schemars(with = "Option<String>")]
    pub(crate) password: Option<SecretString>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: Option<LogFormat>,
    pub(crate) level: Option<LogLevel>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Traces {
    pub(crate) endpoint: Option<String>,
    pub(crate) sample_ratio: Option<f64>,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The least severe level that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}
