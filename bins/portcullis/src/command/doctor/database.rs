//! Whether the database answers, has the schema of this version, and knows an administrator.

use portcullis_flows::bootstrap::BootstrapStore;
use portcullis_flows::health::HealthStore;
use portcullis_storage::{DatabaseUrl, Store};

use super::Check;
use crate::config::{Config, Database, Loaded};

const DATABASE: &str = "database";
const SCHEMA: &str = "schema";
const ADMINISTRATOR: &str = "administrator";

pub(super) fn check(loaded: &Loaded) -> Vec<Check> {
    let Some(config) = loaded.partly(&["database", "data_dir", "accounts.roles"]) else {
        return [DATABASE, SCHEMA, ADMINISTRATOR].map(Check::skipped_for_faults).into();
    };
    let Database { url, .. } = &config.database;
    // Opening it would make it.
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder
            && folder != config.data_dir
            && !folder.is_dir()
        {
            let problem = format!("{} is no folder", folder.display());
            return vec![Check::failed(DATABASE, problem, "make it, or change database.url")];
        }
        let detail = format!("{} is not there yet; the first start makes it", path.display());
        return vec![Check::ok(DATABASE, detail)];
    }
    let store = Store::new(url, 1);
    if let Err(error) = store.ping() {
        let remedy = "start it, or mend database.url (DATABASE_URL)";
        let skipped = [SCHEMA, ADMINISTRATOR]
            .map(|name| Check::skipped(name, "the database does not answer"));
        let failed = Check::failed(DATABASE, error.to_string(), remedy);
        return [failed].into_iter().chain(skipped).collect();
    }
    let mut checks = vec![Check::ok(DATABASE, format!("{url:?} answers"))];
    match store.pending_migrations() {
        Ok(pending) if pending.is_empty() => {
            checks.push(Check::ok(SCHEMA, "is up to date"));
            checks.push(administrator(&store, config));
        }
        Ok(pending) => {
            let detail = format!("lacks {}", pending.join(", "));
            checks.push(Check::failed(
                SCHEMA,
                detail,
                "run `portcullis migrate`, or start the server",
            ));
            checks.push(Check::skipped(ADMINISTRATOR, "the schema is not up to date"));
        }
        Err(error) => {
            let remedy = "give the database user the right to create tables";
            checks.push(Check::failed(SCHEMA, error.to_string(), remedy));
        }
    }
    checks
}

fn administrator(store: &Store, config: &Config) -> Check {
    match store.awaits_setup(config.roles.admin()) {
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
