//! The section `database`: URL and connections.

use std::path::Path;

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_storage::DatabaseUrl;

use super::finding::Findings;
use super::raw::{self, Environment};

/// The checked section.
#[derive(Clone, Debug)]
pub struct Database {
    /// An SQLite file or a PostgreSQL server.
    pub url: DatabaseUrl,
    /// The maximum number of connections.
    pub connections: u32,
}

impl Database {
    pub(crate) fn check(
        raw: raw::Database,
        data_dir: &Path,
        environment: Environment,
        findings: &mut Findings,
    ) -> Self {
        const KEY: &str = "database.url";
        let default = DatabaseUrl::Sqlite(data_dir.join("portcullis.db"));
        let url = raw.url.map_or(Ok(default.clone()), |url| {
            let parsed = DatabaseUrl::parse(&url)?;
            if matches!(parsed, DatabaseUrl::Postgres(_))
                && environment == Environment::Production
                && raw.allow_plaintext != Some(true)
                && may_be_plaintext(&url)
            {
                let problem = "allows an unencrypted connection to another machine";
                let remedy = "add ?sslmode=verify-full (in a build with `pg-tls`), or set \
                              database.allow_plaintext = true if the network is private";
                findings.fault(KEY, problem, remedy);
            }
            Ok(parsed)
        });
        let url = url.unwrap_or_else(|error: portcullis_storage::DatabaseUrlError| {
            let remedy = "write sqlite:path/to/file or postgres://user:password@host/name";
            findings.refuse(KEY, error, remedy);
            default
        });
        let connections = findings.within("database.connections", raw.connections, 16, 1..=1000);
        Self { url, connections }
    }
}

/// True if libpq may connect to another machine without TLS: its default `prefer` falls back silently.
fn may_be_plaintext(url: &SecretString) -> bool {
    let url = url.expose_secret();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
    let parameter = |wanted: &str| {
        // libpq uses the last of several values.
        let mut pairs = query.rsplit('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    if matches!(parameter("sslmode"), Some("require" | "verify-ca" | "verify-full")) {
        return false;
    }
    let authority = location.split('/').next().unwrap_or_default();
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let hosts = parameter("hostaddr").or(parameter("host")).unwrap_or(hosts);
    !hosts.split(',').all(is_this_machine)
}

/// A socket directory, a loopback address, or an empty host, which means the default socket.
fn is_this_machine(host: &str) -> bool {
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_socket = host.is_empty() || host.starts_with('/') || host.starts_with("%2F");
    let is_loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_socket || is_loopback || host == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_or_this_machine_is_safe_from_listeners() {
        for (url, plaintext) in [
            ("postgres://u:p@db.internal/auth", true),
            ("postgres://u:p@db.internal/auth?sslmode=prefer", true),
            ("postgres://u:p@db.internal/auth?sslmode=disable&sslmode=require", false),
            ("postgres://u:p@db.internal/auth?sslmode=verify-full", false),
            ("postgres://u:p@10.1.2.3:5432/auth", true),
            ("postgres://u:p@127.0.0.1:5432/auth", false),
            ("postgres://u:p@[::1]:5432/auth", false),
            ("postgres://u:p@localhost/auth", false),
            ("postgres://localhost,db.internal/auth", true),
            ("postgres://localhost/auth?host=db.internal", true),
            ("postgres://localhost/auth?hostaddr=10.1.2.3", true),
            ("postgres:///auth?host=/var/run/postgresql", false),
            ("postgres://%2Fvar%2Frun%2Fpostgresql/auth", false),
            ("postgres:///auth", false),
            ("postgres://u:p%40localhost@db.internal/auth", true),
        ] {
            assert_eq!(may_be_plaintext(&SecretString::from(url)), plaintext, "{url}");
        }
    }
}
