//! How the parts are put together; the only place that knows all of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use portcullis_api::{AssemblyError, Parts, Services, Upkeep};
use portcullis_audit::{AuditKeys, Origin};
use portcullis_domain::{Clock, SecureRandom, SystemClock, SystemRandom};
use portcullis_flows::access::matrix::{ActiveMatrix, Matrices};
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::audit::trail::Trail;
use portcullis_flows::audit::verification::Verification;
use portcullis_flows::identity::candidate::{AccountChecker, AccountRules};
use portcullis_flows::identity::new_password::NewPasswords;
use portcullis_flows::identity::provisioning::Provisioning;
use portcullis_flows::node::revocation::FollowError;
use portcullis_flows::node::secret::SecretProof;
use portcullis_flows::node::signing_key::SigningKeys;
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::lockout::FailureCounters;
use portcullis_flows::sign_in::mass_sign_out::MassSignOut;
use portcullis_flows::sign_in::unlock::Unlock;
use portcullis_password::{Argon2Params, Hasher, HashingPool, Policy, PoolSettings};
use portcullis_storage::Store;
use portcullis_token::{Purpose, SealingKey, SecretKey};
use portcullis_web::Settings;

use crate::config::{Config, MatrixFile, Server};
use crate::failure::Failure;

/// What the audit trail is sealed with.
pub(crate) fn audit_keys(secret: &SecretKey) -> AuditKeys {
    AuditKeys::from_secret(secret.as_secret())
}

/// The use cases behind HTTP.
pub(crate) fn services(
    config: Config,
    store: Store,
    secret: SecretKey,
) -> Result<Services, Failure> {
    let (clock, random) = (system_clock(), system_random());
    // As configured, not as bound: with port 0 that changes with each start, and tokens must not
    // become void.
    let configured = config.server.origin(config.server.address);
    Services::new(Parts {
        store: Arc::new(store),
        hashing: Arc::new(hashing(config.argon2, config.hashing, clock.clone())?),
        audit_keys: Arc::new(audit_keys(&secret)),
        secret,
        previous_secret: config.tokens.previous,
        algorithm: config.tokens.algorithm,
        issuer: config.tokens.issuer.unwrap_or(configured),
        audience: config.tokens.audience,
        sessions: config.sessions,
        revocation: config.revocation,
        redis: config.redis,
        credentials: config.services,
        lockout: config.lockout,
        accounts: config.accounts,
        passwords: config.passwords,
        matrix: config.matrix.active.load().matrix.clone(),
        recording: config.audit.recording,
        upkeep: Upkeep {
            checkpoint_every: config.audit.checkpoint_every,
            audit_retention: config.audit.retention,
            retention: config.retention,
        },
        clock,
        random,
    })
    .map_err(|error| match error {
        AssemblyError::Revocations(FollowError::Store(error)) => error.into(),
        AssemblyError::Redis(error) => Failure::failed(error, "mend redis.url"),
        error => Failure::failed(error, "give the server more threads, or mend the matrix"),
    })
}

/// How the surface behaves.
pub(crate) fn settings(
    server: &Server,
    bound: SocketAddr,
    log_lines_lost: Arc<AtomicU64>,
) -> Settings {
    Settings {
        origin: server.origin(bound),
        cors_origins: server.cors_origins.clone(),
        trusted_proxies: server.trusted_proxies.clone(),
        secure_cookies: server.secure_cookies,
        workers: None,
        shutdown_delay: server.shutdown_delay,
        log_lines_lost,
    }
}

/// What the command line creates accounts with: the rules of this server, and one thread that takes
/// as long as it takes.
pub(crate) fn candidates(
    rules: AccountRules,
    policy: Policy,
    params: Argon2Params,
) -> Result<AccountChecker, Failure> {
    let alone = PoolSettings {
        threads: 1,
        queue: 1,
        deadline: Duration::from_secs(60),
        ..PoolSettings::default()
    };
    let hashing = Arc::new(hashing(params, alone, system_clock())?);
    let new_passwords = NewPasswords::new(policy, hashing, system_random());
    Ok(AccountChecker::new(rules, new_passwords, system_clock(), system_random()))
}

/// Many accounts at once.
pub(crate) fn provisioning(
    store: Store,
    candidates: AccountChecker,
    matrix: Arc<ActiveMatrix>,
    max_bcrypt_cost: u32,
) -> Provisioning {
    let (store, candidates) = (Arc::new(store), Arc::new(candidates));
    let (clock, random) = (system_clock(), system_random());
    Provisioning::new(store.clone(), store, candidates, matrix, max_bcrypt_cost, clock, random)
}

/// The life of the access matrix, which begins with the configured file.
pub(crate) fn matrices(store: Store, file: &MatrixFile) -> Matrices {
    let store = Arc::new(store);
    let (clock, random) = (system_clock(), system_random());
    Matrices::new(store.clone(), store, file.active.clone(), clock, random)
}

/// Reading the audit trail.
pub(crate) fn trail(store: Store) -> Trail {
    Trail::new(Arc::new(store), system_clock(), system_random())
}

/// Proving the audit trail.
pub(crate) fn verification(store: Store) -> Verification {
    Verification::new(Arc::new(store)).at(system_clock().now())
}

/// Signing where the audit trail stands.
pub(crate) fn checkpoints(store: Store, config: &Config, secret: &SecretKey) -> Checkpoints {
    let keys = Arc::new(audit_keys(secret));
    let previous = config.tokens.previous.as_ref().map(|secret| Arc::new(audit_keys(secret)));
    Checkpoints::new(Arc::new(store), keys, previous, system_clock(), system_random())
}

/// Whether this is the secret that the data is written under.
pub(crate) fn secret_proof(store: Store, config: &Config, secret: &SecretKey) -> SecretProof {
    let previous = config.tokens.previous.as_ref();
    SecretProof::new(Arc::new(store), secret, previous, system_clock(), system_random())
}

/// The key pairs that sign access tokens.
pub(crate) fn signing_keys(store: Store, config: &Config, secret: &SecretKey) -> SigningKeys {
    let sealing = SealingKey::new(secret);
    let sealing = match &config.tokens.previous {
        Some(previous) => sealing.accepting(previous),
        None => sealing,
    };
    SigningKeys::new(Arc::new(store), sealing, system_clock(), system_random())
}

/// The way out of a lockout.
pub(crate) fn unlock(store: Store, secret: &SecretKey) -> Unlock {
    let counters = FailureCounters::new(secret.derive(Purpose::SignInFailures));
    Unlock::new(Arc::new(store), counters, system_clock(), system_random())
}

/// The end of everybody's sessions. Running servers read what it revokes.
pub(crate) fn mass_sign_out(store: Store, config: &Config) -> MassSignOut {
    let (matrix, lifetime) = (config.matrix.active.clone(), config.sessions.access_lifetime);
    MassSignOut::new(Arc::new(store), matrix, None, lifetime, system_clock(), system_random())
}

/// Whoever runs the command line.
pub(crate) fn operator(verb: &str) -> Principal {
    Principal::operator(local_origin(verb))
}

/// Where events of the command line come from.
pub(crate) fn local_origin(verb: &str) -> Origin {
    Origin {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some(format!("portcullis {verb}")),
        request_id: None,
    }
}

pub(crate) fn system_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

pub(crate) fn system_random() -> Arc<dyn SecureRandom> {
    Arc::new(SystemRandom)
}

fn hashing(
    params: Argon2Params,
    settings: PoolSettings,
    clock: Arc<dyn Clock>,
) -> Result<HashingPool, Failure> {
    HashingPool::new(settings, Hasher::new(params, &SystemRandom), clock).map_err(|error| {
        Failure::failed(format!("no threads to hash in: {error}"), "lower passwords.threads")
    })
}
