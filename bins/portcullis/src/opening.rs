//! Startup of a command: opens the secret key, the database and the active matrix.
//!
//! Commands that write create and migrate a missing database. Commands that only read create nothing and
//! migrate nothing.

use std::sync::Arc;

use portcullis_audit::Origin;
use portcullis_domain::{Ambient, SystemRandom};
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::node::health::HealthStore;
use portcullis_flows::node::secret::{SecretError, SecretProof, SecretState};
use portcullis_flows::principal::Principal;
use portcullis_storage::{Database, DatabaseUrl, MigrationError, Store};
use portcullis_token::SecretKey;
use portcullis_web::{Listeners, Settings, Signals};

use crate::config::{Config, LoadedConfig, Secret};
use crate::failure::{self, Failure};
use crate::{assembly, data_dir, secret_file};

/// The secret key. It is generated if none is configured.
pub(crate) fn secret(config: &Config) -> Result<SecretKey, Failure> {
    match &config.tokens.secret {
        Secret::Configured(key) => Ok(key.clone()),
        Secret::Generated(path) => {
            ensure_data_dir(config)?;
            secret_file::obtain(path, &SystemRandom).map_err(|error| {
                let problem = format!("no secret key in {}: {error}", path.display());
                Failure::failed(problem, "fix the file or its directory, or set SECRET_KEY")
            })
        }
    }
}

/// The existing secret key. Only its keys of the configuration must be valid.
pub(crate) fn existing_secret(loaded: &LoadedConfig) -> Result<SecretKey, Failure> {
    secret_in_place(loaded.needing(&["tokens.secret_key", "data_dir"])?)
}

/// The existing secret key.
pub(crate) fn secret_in_place(config: &Config) -> Result<SecretKey, Failure> {
    match &config.tokens.secret {
        Secret::Configured(key) => Ok(key.clone()),
        Secret::Generated(path) => secret_file::read(path).map_err(|error| {
            let problem = format!("no secret key in {}: {error}", path.display());
            Failure::failed(problem, "set SECRET_KEY, or SECRET_KEY_FILE, to the key of the server")
        }),
    }
}

/// The previous secret key, if configured. Only its keys of the configuration must be valid.
pub(crate) fn previous_secret(loaded: &LoadedConfig) -> Result<Option<SecretKey>, Failure> {
    Ok(loaded.needing(&["tokens.secret_key_previous"])?.tokens.previous.clone())
}

/// The database, not migrated. A missing file is created. A file is made accessible to its owner only.
fn unmigrated(config: &Config) -> Result<Database, Failure> {
    let url = &config.database.url;
    if let DatabaseUrl::Sqlite(path) = url
        && path.starts_with(&config.data_dir)
    {
        ensure_data_dir(config)?;
    }
    let closed = url.make_private().map_err(|error| {
        let problem = format!("cannot keep {url:?} from other users of this machine: {error}");
        Failure::failed(problem, "run the command as the owner of the files")
    })?;
    for file in closed {
        let file = file.display();
        tracing::warn!(%file, "was open to other users of this machine; its mode is fixed now");
    }
    Ok(Database::new(url, config.database.connections))
}

/// The migrated database, and the secret key that is proved to be its own.
pub(crate) struct OpenedDatabase {
    pub(crate) store: Arc<Store>,
    pub(crate) secret: SecretKey,
    /// The migrations applied by this start.
    pub(crate) applied: Vec<String>,
}

/// Waits until the database server answers. Meanwhile the listeners answer that the server is live and
/// not ready. Returns false if a signal stops the server first.
pub(crate) fn wait_for_server(
    config: &Config,
    listeners: &Listeners,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<bool, Failure> {
    if matches!(config.database.url, DatabaseUrl::Sqlite(_)) {
        return Ok(true);
    }
    let database = Database::new(&config.database.url, 1);
    let Err(error) = database.ping() else { return Ok(true) };
    if let Ok(address) = listeners.public.local_addr() {
        let scheme = config.server.scheme();
        tracing::warn!(%error, "listening on {scheme}://{address}, and waiting for the database");
    }
    let is_there = move || database.ping().is_ok();
    let is_found = portcullis_web::wait(
        listeners,
        settings,
        &Ambient::system(),
        signals,
        portcullis_api::liveness,
        is_there,
    )
    .map_err(|error| Failure::failed(error, "raise the thread limit of the server"))?;
    tracing::info!("{}", if is_found { "the database answers" } else { "stopped by a signal" });
    Ok(is_found)
}

/// As [`wait_for_server`], for a process that serves nothing.
pub(crate) fn wait_for_database(config: &Config, signals: &mut Signals) -> Result<bool, Failure> {
    if matches!(config.database.url, DatabaseUrl::Sqlite(_)) {
        return Ok(true);
    }
    let database = Database::new(&config.database.url, 1);
    let Err(error) = database.ping() else { return Ok(true) };
    tracing::warn!(%error, "waiting for the database");
    let is_stopped = signals.wait_while(|| database.ping().is_err());
    Ok(!is_stopped.map_err(failure::no_thread)?)
}

/// Opens the database for a server. Creates a missing database and secret key.
pub(crate) fn served(config: &Config, origin: &Origin) -> Result<OpenedDatabase, Failure> {
    open(config, |proof| proof.state().map(drop), |proof| proof.take_over(origin))
}

/// Opens the database for a command that writes. Creates a missing database and secret key.
pub(crate) fn opened(config: &Config, origin: &Origin) -> Result<OpenedDatabase, Failure> {
    let check = |proof: &SecretProof| match proof.state()? {
        SecretState::Previous => Err(SecretError::Previous),
        SecretState::Unclaimed | SecretState::Own => Ok(()),
    };
    open(config, check, |proof| proof.claim(origin))
}

/// As [`opened`], but fails if there is no database.
pub(crate) fn opened_existing(config: &Config, origin: &Origin) -> Result<OpenedDatabase, Failure> {
    if !is_there(config)? {
        return Err(no_database());
    }
    opened(config, origin)
}

/// Checks the secret key before anything is written, migrations included.
fn open(
    config: &Config,
    check: impl FnOnce(&SecretProof) -> Result<(), SecretError>,
    claim: impl FnOnce(&SecretProof) -> Result<(), SecretError>,
) -> Result<OpenedDatabase, Failure> {
    let database = unmigrated(config)?;
    let secret = match database.fingerprint()? {
        // Data written under a secret key needs that key, not a new one.
        Some(_) => secret_in_place(config)?,
        None => secret(config)?,
    };
    let store = sealed(database, &secret);
    let proof = assembly::node::secret_proof(&store, config, &secret, &Ambient::system());
    check(&proof).map_err(unproved)?;
    prove_by_trail(&store, &proof, config, &secret)?;
    let applied = migrate(&store)?;
    claim(&proof).map_err(unproved)?;
    Ok(OpenedDatabase { store, secret, applied })
}

/// Migrates the schema, for `migrate`. If the data has a secret key, the configured one must be the same.
/// A secret key is neither generated nor stored as that of the data: servers do that. Returns the applied
/// versions, and the number of dropped unsealed events.
pub(crate) fn migrated(
    config: &Config,
    drop_unsealed_events: bool,
) -> Result<(Vec<String>, u64), Failure> {
    let database = unmigrated(config)?;
    if database.fingerprint()?.is_some() || database.has_checkpoints()? {
        let secret = secret_in_place(config)?;
        let store = sealed(database.clone(), &secret);
        let proof = assembly::node::secret_proof(&store, config, &secret, &Ambient::system());
        proof.state().map_err(unproved)?;
        prove_by_trail(&store, &proof, config, &secret)?;
    }
    if drop_unsealed_events {
        Ok(database.migrate_dropping_unsealed_events()?)
    } else {
        Ok((migrate(&database)?, 0))
    }
}

pub(crate) fn migrate(database: &Database) -> Result<Vec<String>, Failure> {
    database.migrate().map_err(|error| match error {
        MigrationError::Store(error) => error.into(),
        error @ MigrationError::UnsealedEvents(_) => {
            let remedy = "copy the table security_events if you need its rows, then run \
                          `portcullis migrate --drop-unsealed-events`";
            Failure::failed(error, remedy)
        }
    })
}

/// Proves the secret key of data without a fingerprint by the checkpoints of its audit log.
fn prove_by_trail(
    store: &Arc<Store>,
    proof: &SecretProof,
    config: &Config,
    secret: &SecretKey,
) -> Result<(), Failure> {
    if proof.state().map_err(unproved)? != SecretState::Unclaimed {
        return Ok(());
    }
    if !store.has_checkpoints()? {
        return Ok(());
    }
    match assembly::audit::checkpoints(store, config, secret, &Ambient::system()).find(None)? {
        Some(_) => Ok(()),
        None => Err(unproved(SecretError::Another)),
    }
}

/// Accepts the configured secret key for data written under any other key.
pub(crate) fn accept_secret(config: &Config, origin: &Origin) -> Result<(), Failure> {
    let (store, secret) = unproved_store(config)?;
    assembly::node::secret_proof(&store, config, &secret, &Ambient::system())
        .accept(origin)
        .map_err(unproved)
}

pub(crate) fn unproved(error: SecretError) -> Failure {
    match error {
        SecretError::Store(error) => error.into(),
        SecretError::Another => Failure::failed(error, ANOTHER_SECRET),
        SecretError::Previous => {
            Failure::failed(error, "start the servers with the new SECRET_KEY first")
        }
    }
}

/// The remedy for data that was written under another secret key.
pub(crate) const ANOTHER_SECRET: &str = "set SECRET_KEY to the key of the server; to replace it, set \
     SECRET_KEY_PREVIOUS to the previous key; if that is lost, see `portcullis keys accept-secret --help`";

/// True if there is a database. Checked first, because opening a missing SQLite file creates it.
pub(crate) fn is_there(config: &Config) -> Result<bool, Failure> {
    let DatabaseUrl::Sqlite(path) = &config.database.url else { return Ok(true) };
    path.try_exists().map_err(|error| {
        let problem = format!("cannot look for {}: {error}", path.display());
        Failure::failed(problem, "run the command as the user that the server runs as")
    })
}

/// The existing database, not migrated; `None` if there is none yet.
pub(crate) fn existing_database(config: &Config) -> Result<Option<Database>, Failure> {
    if !is_there(config)? {
        return Ok(None);
    }
    let database = Database::new(&config.database.url, config.database.connections);
    let pending = database.pending_migrations()?;
    if pending.is_empty() {
        return Ok(Some(database));
    }
    let problem = format!("the database lacks the migrations {}", pending.join(", "));
    Err(Failure::failed(problem, "run `portcullis migrate`, or start the server"))
}

/// As [`existing_database`], with the keys of the audit log, for commands that record no event.
pub(crate) fn existing_store(config: &Config) -> Result<Option<Arc<Store>>, Failure> {
    let Some(database) = existing_database(config)? else { return Ok(None) };
    let secret = secret_in_place(config)?;
    let store = sealed(database, &secret);
    assembly::node::secret_proof(&store, config, &secret, &Ambient::system())
        .state()
        .map_err(unproved)?;
    Ok(Some(store))
}

/// As [`existing_database`], without a proof of the secret key, for commands that check the key.
pub(crate) fn unproved_store(config: &Config) -> Result<(Arc<Store>, SecretKey), Failure> {
    let database = existing_database(config)?.ok_or_else(no_database)?;
    let secret = secret_in_place(config)?;
    Ok((sealed(database, &secret), secret))
}

/// As [`existing_database`], with the secret key that is proved to be its own, for commands that record
/// an event and change nothing else.
pub(crate) fn needed_store(
    config: &Config,
    origin: &Origin,
) -> Result<(Arc<Store>, SecretKey), Failure> {
    let (store, secret) = unproved_store(config)?;
    let proof = assembly::node::secret_proof(&store, config, &secret, &Ambient::system());
    prove_by_trail(&store, &proof, config, &secret)?;
    proof.claim(origin).map_err(unproved)?;
    Ok((store, secret))
}

/// The failure of a command that needs an existing database.
pub(crate) fn no_database() -> Failure {
    Failure::failed("there is no database yet", "start the server, or run `portcullis migrate`")
}

/// The store, and the matrix in force. The configured file is activated if no version is in force.
pub(crate) fn started(
    config: &Config,
    operator: &Principal,
) -> Result<(Arc<Store>, Matrices), Failure> {
    let OpenedDatabase { store, .. } = opened(config, &operator.origin)?;
    let matrices = matrices(&store, config, operator)?;
    Ok((store, matrices))
}

/// The matrix in force. The configured file is activated if no version is in force.
pub(crate) fn matrices(
    store: &Arc<Store>,
    config: &Config,
    operator: &Principal,
) -> Result<Matrices, Failure> {
    let (versions, trail) = (store.clone(), store.clone());
    let ambient = Ambient::system();
    Ok(Matrices::start(versions, trail, &config.matrix.text, operator, ambient)?)
}

/// The database with the keys that seal its audit log.
pub(crate) fn sealed(database: Database, secret: &SecretKey) -> Arc<Store> {
    Arc::new(Store::new(database, Arc::new(assembly::audit::keys(secret))))
}

pub(crate) fn ensure_data_dir(config: &Config) -> Result<(), Failure> {
    data_dir::ensure(&config.data_dir).map_err(|error| {
        let problem = format!("cannot use data directory {}: {error}", config.data_dir.display());
        Failure::failed(problem, "set PORTCULLIS__DATA_DIR to a writable directory")
    })
}
