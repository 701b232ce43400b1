//! The URL of the database: a SQLite file or a PostgreSQL server.

use std::fmt;
use std::path::PathBuf;

use portcullis_domain::{ExposeSecret, SecretString};
use url::Url;

/// The URL of the database.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// The path of a SQLite file.
    Sqlite(PathBuf),
    /// The URL of a PostgreSQL server; it may contain a password.
    Postgres(SecretString),
}

/// A URL is not a database URL. The error never repeats the URL, which may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// The scheme is missing or is not one of either database.
    #[error("must begin with sqlite: or postgres://")]
    Scheme,
    /// The path of the file is missing.
    #[error("must name a file, such as sqlite:data/portcullis.db")]
    Path,
    /// The URL of the server is invalid (RFC 3986).
    #[error(
        "must be like postgres://user:password@host:5432/database; write %, / and other marks in \
         the password as %25, %2F and so on"
    )]
    Server,
}

impl DatabaseUrl {
    /// Parses `sqlite:path/to/file` (also `sqlite://path`), or `postgres://` or `postgresql://` as
    /// libpq reads it. A missing scheme is refused, not guessed.
    pub fn parse(url: &SecretString) -> Result<Self, DatabaseUrlError> {
        let text = url.expose_secret();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(server(text)?));
        }
        let path = text.strip_prefix("sqlite:").ok_or(DatabaseUrlError::Scheme)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(DatabaseUrlError::Path);
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

/// Returns the URL in its normal form. Errors are found here and not by libpq, because the messages
/// of libpq repeat the invalid part, which may be a part of the password.
fn server(text: &str) -> Result<SecretString, DatabaseUrlError> {
    let mut escapes = text.split('%').skip(1);
    let is_escape =
        |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    let url = Url::parse(text).map_err(|_| DatabaseUrlError::Server)?;
    if escapes.all(is_escape) {
        Ok(SecretString::from(url.as_str()))
    } else {
        Err(DatabaseUrlError::Server)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://[REDACTED]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        DatabaseUrl::parse(&SecretString::from(url))
    }

    #[test]
    fn a_password_that_was_not_escaped_is_found_before_libpq_repeats_it() {
        for url in [
            "postgres://u:hun%ter2@127.0.0.1/db",
            "postgres://u:100%@127.0.0.1/db",
            "postgres://u:pa/ss@127.0.0.1/db",
            "postgres://u:pa#ss@127.0.0.1/db",
            "postgres://u:p@127.0.0.1:port/db",
        ] {
            assert!(matches!(parse(url), Err(DatabaseUrlError::Server)), "{url}");
        }
    }

    #[test]
    fn an_at_sign_belongs_to_the_password_and_not_to_the_host() {
        let Ok(DatabaseUrl::Postgres(url)) = parse("postgres://u:p@ss@127.0.0.1/db") else {
            panic!("a URL of a server");
        };
        assert_eq!(url.expose_secret(), "postgres://u:p%40ss@127.0.0.1/db");
    }

    #[test]
    fn no_scheme_is_guessed() {
        for url in ["mysql://h/db", "portcullis.db", "host=localhost", ""] {
            assert!(matches!(parse(url), Err(DatabaseUrlError::Scheme)), "{url}");
        }
        for url in ["sqlite:", "sqlite::memory:"] {
            assert!(matches!(parse(url), Err(DatabaseUrlError::Path)), "{url}");
        }
    }
}
