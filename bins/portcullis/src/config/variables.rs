//! The environment variables of the configuration.
//!
//! `PORTCULLIS__SECTION__KEY` sets any key of the file. The short names of existing deployments are
//! supported. A secret can also be read from a file named by a variable with the suffix `_FILE`. An empty
//! variable counts as not set, because compose files pass unset variables on as empty ones.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::finding::{Findings, Source};
use super::layers::Layers;

/// The variables of this process, by name.
#[derive(Default)]
pub(crate) struct Variables(BTreeMap<String, OsString>);

const PREFIX: &str = "PORTCULLIS__";

/// The variable that names the file. It is not a key of the file.
const CONFIG: &str = "PORTCULLIS__CONFIG";

/// The short names, each with its key.
pub(super) const SHORT_NAMES: [(&str, &str); 24] = [
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "tokens.access_minutes"),
    ("ADMIN_EMAIL", "admin.email"),
    ("ADMIN_PASSWORD", "admin.password"),
    ("CORS_ORIGINS", "server.cors_origins"),
    ("DATABASE_URL", "database.url"),
    ("RATE_LIMIT_ENABLED", "rate_limit.enabled"),
    ("RATE_LIMIT_FORGOT_ATTEMPTS", "rate_limit.forgot_attempts"),
    ("RATE_LIMIT_FORGOT_WINDOW", "rate_limit.forgot_window_seconds"),
    ("RATE_LIMIT_LOGIN_ATTEMPTS", "rate_limit.login_attempts"),
    ("RATE_LIMIT_LOGIN_WINDOW", "rate_limit.login_window_seconds"),
    ("RATE_LIMIT_REGISTER_ATTEMPTS", "rate_limit.register_attempts"),
    ("RATE_LIMIT_REGISTER_WINDOW", "rate_limit.register_window_seconds"),
    ("REDIS_URL", "redis.url"),
    ("REFRESH_TOKEN_EXPIRE_DAYS", "tokens.refresh_days"),
    ("REFRESH_TOKEN_ROTATE", "sessions.rotate"),
    ("SECRET_KEY", "tokens.secret_key"),
    ("SECRET_KEY_PREVIOUS", "tokens.secret_key_previous"),
    ("SECURE_COOKIES", "server.secure_cookies"),
    ("SMTP_FROM", "mail.from"),
    ("SMTP_HOST", "mail.smtp_host"),
    ("SMTP_PASSWORD", "mail.smtp_password"),
    ("SMTP_PORT", "mail.smtp_port"),
    ("SMTP_USER", "mail.smtp_user"),
    ("TRUSTED_PROXIES", "server.trusted_proxies"),
];

/// Keys with a secret as value. It may come from a file by `_FILE`, and is never shown.
const SECRETS: [&str; 8] = [
    "admin.password",
    "database.url",
    "mail.smtp_password",
    "passwords.pepper",
    "passwords.pepper_previous",
    "redis.url",
    "tokens.secret_key",
    "tokens.secret_key_previous",
];

impl Variables {
    /// All variables of this process. Names that are not UTF-8 are ignored.
    pub(crate) fn of_this_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect()
    }

    /// The file that `PORTCULLIS__CONFIG` names.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        self.path(CONFIG)
    }

    /// The data directory that `PORTCULLIS__DATA_DIR` names.
    pub(crate) fn data_dir(&self) -> Option<PathBuf> {
        self.path("PORTCULLIS__DATA_DIR")
    }

    /// Sets every key that has a variable.
    pub(crate) fn lay_over(&self, layers: &mut Layers, findings: &mut Findings) {
        let mut by_key = BTreeMap::<String, Vec<Setting<'_>>>::new();
        for (name, value) in self.0.iter().filter(|(_, value)| !value.is_empty()) {
            if is_misspelt(name) {
                let remedy = "write PORTCULLIS__SECTION__KEY, in capitals with two underscores";
                findings.fault(name, "is not a variable of this server", remedy);
            } else if let Some((key, is_file)) = meaning(name) {
                by_key.entry(key).or_default().push(Setting { name, value, is_file });
            }
        }
        for (key, settings) in by_key {
            let names: Vec<_> = settings.iter().map(|setting| setting.name).collect();
            let [setting] = settings.as_slice() else {
                let problem = format!("is set more than once, by {}", names.join(" and "));
                findings.fault(&key, problem, "keep one of them");
                continue;
            };
            findings.came_from(&key, Source::Variable(setting.name.to_owned()));
            match setting.text() {
                Ok(text) => layers.set_text(&key, text, findings),
                Err((problem, remedy)) => findings.fault(&key, problem, remedy),
            }
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}

impl FromIterator<(String, OsString)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, OsString)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

struct Setting<'a> {
    name: &'a str,
    value: &'a OsString,
    is_file: bool,
}

impl Setting<'_> {
    fn text(&self) -> Result<String, (String, &'static str)> {
        let text = || self.value.clone().into_string();
        if !self.is_file {
            return text().map_err(|_| ("is not UTF-8".to_owned(), "write it in UTF-8"));
        }
        let content = content(Path::new(self.value)).map_err(|error| {
            (format!("names a file that cannot be read: {error}"), "name a readable file in UTF-8")
        })?;
        // Editors add one line break at the end, which is not part of the secret.
        let secret = content.strip_suffix('\n').unwrap_or(&content);
        let secret = secret.strip_suffix('\r').unwrap_or(secret);
        if secret.is_empty() {
            return Err(("names an empty file".to_owned(), "write the secret into it"));
        }
        Ok(secret.to_owned())
    }
}

/// The maximum size of a secret with its line break, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Reads a secret. A named pipe is read too, because a shell or a vault may hand over the secret by one; a
/// device has no end.
fn content(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SECRET + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_SECRET) {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it has more than 64 KiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

/// The key of a variable, and true if the variable names a file with the value.
fn meaning(name: &str) -> Option<(String, bool)> {
    if name == CONFIG {
        return None;
    }
    if let Some(key) = key_of(name)
        && !is_secret_file(&key)
    {
        return Some((key, false));
    }
    let key = key_of(name.strip_suffix("_FILE")?)?;
    is_secret(&key).then_some((key, true))
}

/// True if the name looks like a variable of this server and has no effect: a mistyped safety setting must
/// not look as if it were on. Variables of the tests are ignored.
fn is_misspelt(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    upper.starts_with("PORTCULLIS_")
        && !name.starts_with(PREFIX)
        && !name.starts_with("PORTCULLIS_TEST_")
}

fn key_of(name: &str) -> Option<String> {
    if let Some(path) = name.strip_prefix(PREFIX) {
        return Some(path.to_ascii_lowercase().replace("__", "."));
    }
    let (_, key) = SHORT_NAMES.iter().find(|(short, _)| *short == name)?;
    Some((*key).to_owned())
}

/// True if the value of the key is a secret.
pub(super) fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key)
}

fn is_secret_file(key: &str) -> bool {
    key.strip_suffix("_file").is_some_and(is_secret)
}
