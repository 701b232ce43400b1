//! How the parts are put together; the only place that knows all of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{Clock, SecureRandom, SystemClock, SystemRandom};
use portcullis_flows::candidate::{AccountRules, Candidates};
use portcullis_flows::event::Origin;
use portcullis_flows::lockout::Budgets;
use portcullis_flows::new_password::NewPasswords;
use portcullis_flows::provisioning::Provisioning;
use portcullis_flows::unlock::Unlock;
use portcullis_http::{Parts, Services, Settings};
use portcullis_password::{Argon2Params, Hasher, HashingPool, Policy, PoolSettings};
use portcullis_storage::{DatabaseUrl, Store};
use portcullis_token::{Purpose, SecretKey};

use crate::config::{Config, Database, Secret};
use crate::data_dir;
use crate::failure::Failure;
use crate::secret_file;

/// Opens the database and brings it up to date. Answers the migrations that were missing too.
pub(crate) fn open(config: &Config) -> Result<(Store, Vec<String>), Failure> {
    if let DatabaseUrl::Sqlite(path) = &config.database.url
        && path.starts_with(&config.data_dir)
    {
        ensure_data_dir(config)?;
    }
    let Database { url, connections } = &config.database;
    let store = Store::new(url, *connections);
    let applied = store.migrate()?;
    Ok((store, applied))
}

/// The secret that everything is signed with.
pub(crate) fn secret(config: &Config) -> Result<SecretKey, Failure> {
    match &config.tokens.secret {
        Secret::Configured(key) => Ok(key.clone()),
        Secret::Generated(path) => {
            ensure_data_dir(config)?;
            secret_file::obtain(path, &SystemRandom).map_err(|error| {
                let problem = format!("no secret key in {}: {error}", path.display());
                Failure::failed(problem, "mend the file or its directory, or set SECRET_KEY")
            })
        }
    }
}

/// The use cases behind HTTP, and how the surface behaves.
pub(crate) fn services(
    config: Config,
    store: Store,
    secret: SecretKey,
    bound: SocketAddr,
) -> Result<(Services, Settings), Failure> {
    let (clock, random) = (system_clock(), system_random());
    let origin = config.server.origin(bound);
    // As configured, not as bound: with port 0 that changes with each start, and tokens must not
    // become void.
    let configured = config.server.origin(config.server.address);
    let services = Services::new(Parts {
        store: Arc::new(store),
        hashing: Arc::new(hashing(config.argon2, config.hashing, clock.clone())?),
        secret,
        issuer: config.tokens.issuer.unwrap_or(configured),
        audience: config.tokens.audience,
        sessions: config.sessions,
        lockout: config.lockout,
        accounts: config.accounts,
        passwords: config.passwords,
        admin: config.roles.admin().clone(),
        clock,
        random,
    });
    let settings = Settings {
        origin,
        cors_origins: config.server.cors_origins,
        trusted_proxies: config.server.trusted_proxies,
        secure_cookies: config.server.secure_cookies,
        docs: config.server.docs,
        workers: None,
    };
    Ok((services, settings))
}

/// What the command line creates accounts with: the rules of the house, and one thread that takes
/// as long as it takes.
pub(crate) fn candidates(
    rules: AccountRules,
    policy: Policy,
    params: Argon2Params,
) -> Result<Candidates, Failure> {
    let alone = PoolSettings { threads: 1, queue: 1, deadline: Duration::from_secs(60) };
    let hashing = Arc::new(hashing(params, alone, system_clock())?);
    let new_passwords = NewPasswords::new(policy, hashing, system_random());
    Ok(Candidates::new(rules, new_passwords, system_clock(), system_random()))
}

/// Many accounts at once.
pub(crate) fn provisioning(store: Store, candidates: Candidates) -> Provisioning {
    let store = Arc::new(store);
    let candidates = Arc::new(candidates);
    Provisioning::new(store.clone(), store, candidates, system_clock(), system_random())
}

/// The way out of a lockout.
pub(crate) fn unlock(store: Store, secret: &SecretKey) -> Unlock {
    let budgets = Budgets::new(secret.derive(Purpose::SignInFailures));
    Unlock::new(Arc::new(store), budgets, system_clock(), system_random())
}

/// Where events of the command line come from.
pub(crate) fn local_origin(verb: &str) -> Origin {
    Origin {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some(format!("portcullis {verb}")),
    }
}

pub(crate) fn system_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

fn system_random() -> Arc<dyn SecureRandom> {
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

fn ensure_data_dir(config: &Config) -> Result<(), Failure> {
    data_dir::ensure(&config.data_dir).map_err(|error| {
        let problem = format!("no data directory {}: {error}", config.data_dir.display());
        Failure::failed(problem, "set PORTCULLIS__DATA_DIR to a directory you can write to")
    })
}
