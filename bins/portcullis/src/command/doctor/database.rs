//! Checks that the database answers and has the schema of this version, then checks its contents.

use std::sync::Arc;

use portcullis_audit::AuditKeys;
use portcullis_domain::Ambient;
use portcullis_flows::identity::bootstrap::BootstrapStore;
use portcullis_flows::node::clock_watch::ClockWatch;
use portcullis_flows::node::health::HealthStore;
use portcullis_flows::node::secret::{SecretProof, SecretState};
use portcullis_storage::{Database, DatabaseUrl, Store};

use super::check::Check;
use super::{
    access_matrix, audit_trail, clock, email_addresses, jobs, mail, peppers, signing_keys,
};
use crate::config::{self, Config, LoadedConfig};
use crate::{assembly, opening};

const DATABASE: &str = "database";
const SCHEMA: &str = "schema";
const SECRET: &str = "secret of the data";
const ADMINISTRATOR: &str = "administrator";

/// The checks that need the schema of this version.
const CONTENTS: [&str; 11] = [
    clock::NAME,
    ADMINISTRATOR,
    email_addresses::NAME,
    peppers::NAME,
    access_matrix::NAME,
    access_matrix::ROLES,
    SECRET,
    signing_keys::NAME,
    audit_trail::NAME,
    jobs::NAME,
    mail::NAME,
];

pub(super) fn check(loaded: &LoadedConfig) -> Vec<Check> {
    let Some(config) = loaded.partly(&["database", "data_dir"]) else {
        let names = [DATABASE, SCHEMA].into_iter().chain(CONTENTS);
        return names.map(Check::skipped_for_faults).collect();
    };
    let config::Database { url, .. } = &config.database;
    if let DatabaseUrl::Sqlite(path) = url
        && let Err(error) = path.try_exists()
    {
        let problem = format!("cannot look for {}: {error}", path.display());
        let remedy = "run this as the user that the server runs as";
        return vec![Check::failed(DATABASE, problem, remedy)];
    }
    // Opening a missing SQLite file would create it.
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder
            && folder != config.data_dir
            && !folder.is_dir()
        {
            let problem = format!("{} is not a directory", folder.display());
            return vec![Check::failed(DATABASE, problem, "create it, or change database.url")];
        }
        let detail = format!("{} does not exist yet; the first start creates it", path.display());
        return vec![Check::ok(DATABASE, detail)];
    }
    let database = Database::new(url, 1);
    if let Err(error) = database.ping() {
        let remedy = "start the database, or fix database.url (DATABASE_URL)";
        let mut checks = vec![Check::failed(DATABASE, error.to_string(), remedy)];
        checks.push(Check::skipped(SCHEMA, "the database does not answer"));
        checks.extend(CONTENTS.map(|name| Check::skipped(name, "the database does not answer")));
        return checks;
    }
    let mut checks = vec![Check::ok(DATABASE, format!("{url:?} answers"))];
    checks.extend(exposed(url));
    match schema(&database) {
        Ok(sound) => {
            checks.push(sound);
            checks.extend(contents(database, loaded, config));
        }
        Err(unsound) => {
            checks.push(unsound);
            checks.extend(
                CONTENTS.map(|name| Check::skipped(name, "the schema is of another version")),
            );
        }
    }
    checks
}

/// Checks that other users cannot open the database files.
fn exposed(url: &DatabaseUrl) -> Option<Check> {
    let files = match url.exposed_files() {
        Ok(files) if files.is_empty() => return None,
        Ok(files) => files,
        Err(error) => {
            let remedy = "run this as the user that the server runs as";
            return Some(Check::failed(DATABASE, error.to_string(), remedy));
        }
    };
    let named: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let named = named.join(" ");
    let detail = format!("other users of this machine can open {named}");
    let remedy = format!("chmod 600 {named}; the next start of the server does so");
    Some(Check::failed(DATABASE, detail, remedy))
}

fn schema(database: &Database) -> Result<Check, Check> {
    let unreadable = |error: portcullis_flows::StoreError| {
        let remedy = "give the database user the right to create tables";
        Check::failed(SCHEMA, error.to_string(), remedy)
    };
    let pending = database.pending_migrations().map_err(unreadable)?;
    if !pending.is_empty() {
        let detail = format!("lacks {}", pending.join(", "));
        let remedy = "run `portcullis migrate`, or start the server";
        return Err(Check::failed(SCHEMA, detail, remedy));
    }
    let newer = database.unknown_migrations().map_err(unreadable)?;
    if !newer.is_empty() {
        let detail = format!("has {}, which this version does not know", newer.join(", "));
        let remedy = "run the version that made them, or restore a backup from before";
        return Err(Check::failed(SCHEMA, detail, remedy));
    }
    Ok(Check::ok(SCHEMA, "is up to date"))
}

fn contents(database: Database, loaded: &LoadedConfig, config: &Config) -> Vec<Check> {
    let secret = opening::existing_secret(loaded);
    // The checks only read, so they need no keys for new entries.
    let keys =
        secret.as_ref().map_or_else(|_| AuditKeys::new([0; 32], [0; 32]), assembly::audit::keys);
    let keys = Arc::new(keys);
    let store = Arc::new(Store::new(database, keys.clone()));
    let ambient = Ambient::system();
    let matrices = assembly::access::matrices(&store, &config.matrix);
    if let Err(error) = matrices.follow() {
        let remedy = "activate another version; `portcullis policy history` lists them";
        return vec![Check::failed(access_matrix::NAME, error.to_string(), remedy)];
    }
    let watch = ClockWatch::new(store.clone(), ambient.clock.clone());
    let mut checks = vec![clock::check(&watch), administrator(&store, &matrices, config)];
    checks.push(access_matrix::check(&matrices, config));
    checks.extend(access_matrix::permissions(&matrices));
    checks.push(access_matrix::roles(&matrices));
    let jobs = jobs::check(&store, config).into_iter().chain([mail::check(&store)]);
    let addresses = email_addresses::check(&store);
    let peppers = peppers::check(&store, &config.peppers);
    let Ok(secret) = secret else {
        let skipped = |name| Check::skipped(name, "there is no secret key");
        let [signing, trail] = [signing_keys::NAME, audit_trail::NAME].map(skipped);
        let own = match store.fingerprint() {
            Ok(Some(_)) => {
                let detail =
                    "the data was written under a secret key, and no secret key is configured";
                Check::failed(SECRET, detail, opening::ANOTHER_SECRET)
            }
            _ => skipped(SECRET),
        };
        checks.extend([addresses, peppers, own, signing, trail].into_iter().chain(jobs));
        return checks;
    };
    let own = secret_of_the_data(&assembly::node::secret_proof(&store, config, &secret, &ambient));
    let former = config.tokens.previous.as_ref().map(assembly::audit::keys);
    let trail = audit_trail::check(&store, &keys, former.as_ref(), config);
    let keys = assembly::node::signing_keys(&store, config, &secret, &ambient);
    let signing = signing_keys::check(&keys, config);
    checks.extend([addresses, peppers, own, signing, trail].into_iter().chain(jobs));
    checks
}

fn secret_of_the_data(proof: &SecretProof) -> Check {
    match proof.state() {
        Ok(SecretState::Own) => Check::ok(SECRET, "is the configured secret key"),
        Ok(SecretState::Unclaimed) => {
            Check::ok(SECRET, "is not fixed yet; the first start of the server sets it")
        }
        Ok(SecretState::Previous) => {
            Check::ok(SECRET, "is SECRET_KEY_PREVIOUS until the next start of a server")
        }
        Err(error) => Check::failed(SECRET, error.to_string(), opening::ANOTHER_SECRET),
    }
}

fn administrator(
    store: &Store,
    matrices: &portcullis_flows::access::matrix::Matrices,
    config: &Config,
) -> Check {
    match store.awaits_setup(&matrices.active().load().admin) {
        Ok(false) => Check::ok(ADMINISTRATOR, "has been set up"),
        Ok(true) if config.admin.is_some() => {
            Check::ok(ADMINISTRATOR, "is configured; the next start creates the account")
        }
        Ok(true) => {
            let detail = "there is none yet, and setup is open";
            let remedy = "use the command that the start prints, or `portcullis user create`";
            Check::warning(ADMINISTRATOR, detail, remedy)
        }
        Err(error) => Check::failed(ADMINISTRATOR, error.to_string(), "see above"),
    }
}
