//! The section `passwords`: the password policy and the hashing cost.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_domain::SecretString;
use portcullis_password::{Argon2Params, BreachFilter, Pepper, Peppers, Policy, PoolSettings};
use portcullis_token::{Purpose, SecretKey};
use url::Url;

use super::finding::Findings;
use super::raw::{self, Environment};

/// The checked section.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    /// The rules for new passwords.
    pub(crate) policy: Policy,
    /// The lists of breached passwords.
    pub(crate) breaches: BreachLists,
    /// The secret keys of hashes.
    pub(crate) peppers: Peppers,
    /// The cost of new hashes.
    pub(crate) params: Argon2Params,
    /// Threads, queue and deadline of hashing.
    pub(crate) pool: PoolSettings,
}

/// The lists of breached passwords. Each may be missing.
#[derive(Clone, Debug, Default)]
pub struct BreachLists {
    /// The filter file that `portcullis breach-filter build` has made.
    pub filter: Option<PathBuf>,
    /// The base URL of a range service.
    pub service: Option<Url>,
}

impl Passwords {
    pub(crate) fn check(
        raw: raw::Passwords,
        environment: Environment,
        findings: &mut Findings,
    ) -> Self {
        let params = params(&raw, findings);
        let pool = pool(&raw, findings);
        let breaches = breaches(&raw, environment, findings);
        let peppers = peppers(&raw, findings);
        Self { policy: policy(raw, environment, findings), breaches, peppers, params, pool }
    }
}

fn peppers(raw: &raw::Passwords, findings: &mut Findings) -> Peppers {
    let mut pepper = |key, text: Option<&SecretString>| {
        let parsed = SecretKey::parse(text?);
        let remedy =
            "generate one with `openssl rand -base64 48`, and keep it apart from the database";
        let secret = parsed.map_err(|error| findings.refuse(key, error, remedy)).ok()?;
        let id = secret.derive(Purpose::PasswordPepperId);
        let id = id.first_chunk().copied().unwrap_or_default();
        Some(Pepper::new(id, secret.derive(Purpose::PasswordPepper)))
    };
    let current = pepper("passwords.pepper", raw.pepper.as_ref());
    let previous = pepper("passwords.pepper_previous", raw.pepper_previous.as_ref());
    let is_same = current.as_ref().zip(previous.as_ref()).is_some_and(|(a, b)| a.id() == b.id());
    if is_same {
        let remedy = "remove it, or set passwords.pepper to a new secret";
        findings.fault("passwords.pepper_previous", "is the same as the pepper in use", remedy);
    }
    Peppers { current, previous: previous.into_iter().collect() }
}

fn policy(raw: raw::Passwords, environment: Environment, findings: &mut Findings) -> Policy {
    let default = Policy::default();
    // NIST SP 800-63B-4: a minimum length of at least 8, a maximum length of at least 64.
    let in_production = environment == Environment::Production;
    let least_length = if in_production { default.min_length } else { 8 };
    let min_length = findings.within(
        "passwords.min_length",
        raw.min_length,
        default.min_length,
        least_length..=64,
    );
    let max_length =
        findings.within("passwords.max_length", raw.max_length, default.max_length, 64..=1024);
    let least_score = if in_production { 2 } else { 0 };
    Policy {
        min_length,
        max_length,
        require_classes: findings.within(
            "passwords.require_classes",
            raw.require_classes,
            default.require_classes,
            0..=4,
        ),
        min_zxcvbn_score: findings.within(
            "passwords.min_score",
            raw.min_score,
            default.min_zxcvbn_score,
            least_score..=4,
        ),
        context_words: raw.product_names.unwrap_or_else(|| vec![PRODUCT_NAME.to_owned()]),
    }
}

fn breaches(
    raw: &raw::Passwords,
    environment: Environment,
    findings: &mut Findings,
) -> BreachLists {
    const SERVICE: &str = "passwords.breach_service";
    let in_production = environment == Environment::Production;
    let service = raw.breach_service.as_deref();
    let service = service.or_else(|| in_production.then_some(DEFAULT_SERVICE));
    let service = service.filter(|service| *service != "off").and_then(|text| {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "https" | "http")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
        });
        if url.is_none() {
            let remedy = format!("write {DEFAULT_SERVICE}, or \"off\"");
            // The value may have a password, and is not repeated.
            findings.fault(SERVICE, "is no URL of a range service", remedy);
        }
        url
    });
    if in_production && service.as_ref().is_some_and(|url| url.scheme() == "http") {
        findings.warn(SERVICE, "is not encrypted", "use https");
    }
    BreachLists { filter: raw.breach_filter.clone(), service }
}

/// Reports a filter file that cannot be used.
pub(super) fn inspect_filter(lists: &BreachLists, findings: &mut Findings) {
    if let Some(path) = &lists.filter
        && let Err(error) = BreachFilter::open(path)
    {
        let remedy = "make it by `portcullis breach-filter build`, or remove the key";
        findings.unusable_file("passwords.breach_filter", path, error, remedy);
    }
}

/// The service that production uses by default.
const DEFAULT_SERVICE: &str = "https://api.pwnedpasswords.com";

/// The default product name, which passwords must not be based on.
const PRODUCT_NAME: &str = "portcullis";

fn params(raw: &raw::Passwords, findings: &mut Findings) -> Argon2Params {
    const MEMORY: &str = "passwords.memory_kib";
    let default = Argon2Params::default();
    let memory = findings.within(MEMORY, raw.memory_kib, default.memory_kib(), 19_456..=262_144);
    let iterations =
        findings.within("passwords.iterations", raw.iterations, default.iterations(), 2..=16);
    let parallelism =
        findings.within("passwords.parallelism", raw.parallelism, default.parallelism(), 1..=4);
    // Each value may be in range, and the combination still too weak or too costly.
    Argon2Params::new(memory, iterations, parallelism).unwrap_or_else(|error| {
        let is_memory = findings.is_set(MEMORY);
        let blamed = if is_memory { MEMORY } else { "passwords.iterations" };
        findings.refuse(blamed, error, "remove memory_kib, iterations and parallelism");
        default
    })
}

fn pool(raw: &raw::Passwords, findings: &mut Findings) -> PoolSettings {
    let default = PoolSettings::default();
    let deadline = findings.within("passwords.deadline_ms", raw.deadline_ms, 2000, 100..=60_000);
    PoolSettings {
        threads: findings.within("passwords.threads", raw.threads, default.threads, 1..=256),
        queue: findings.within("passwords.queue", raw.queue, default.queue, 1..=10_000),
        deadline: Duration::from_millis(deadline),
        max_bcrypt_cost: findings.within(
            "passwords.max_bcrypt_cost",
            raw.max_bcrypt_cost,
            default.max_bcrypt_cost,
            4..=14,
        ),
    }
}
