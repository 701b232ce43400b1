//! Tests of the configuration: file, variables, secrets and their faults.

mod access;
mod documents;
mod faults;
mod files;
mod page;
mod production;
mod settings;
mod tokens;

use std::ffi::OsString;

use portcullis_domain::ReservedNames;
use tempfile::TempDir;

use super::*;

const SAMPLE: &str = include_str!("../../config/portcullis.toml");

const KEY: &str = "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU";
const DIGEST: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
const OTHER_KEY: &str = "h3TnW8cVb5QyM2kZr7XpD4sGfL9jN6aE";

/// Variables, and files that `{dir}` in them can name.
struct Given {
    dir: TempDir,
    variables: Vec<(&'static str, String)>,
    file: Option<PathBuf>,
}

impl Given {
    fn nothing() -> Self {
        Self { dir: TempDir::new().unwrap(), variables: Vec::new(), file: None }
    }

    fn variables(pairs: &[(&'static str, &str)]) -> Self {
        pairs.iter().fold(Self::nothing(), |given, (name, value)| given.variable(name, value))
    }

    fn variable(mut self, name: &'static str, value: &str) -> Self {
        let value = value.replace("{dir}", self.dir.path().to_str().unwrap());
        self.variables.push((name, value));
        self
    }

    fn file(mut self, text: &str) -> Self {
        self.file = Some(self.beside("portcullis.toml", text));
        self
    }

    fn secret(self, name: &str, text: &str) -> Self {
        self.beside(name, text);
        self
    }

    fn beside(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn load(&self) -> LoadedConfig {
        let variables = self
            .variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect();
        load(self.file.as_deref(), &variables)
    }

    fn config(&self) -> Config {
        self.load().sound().map_err(|findings| findings.faults).unwrap().0
    }

    fn faults(&self) -> Vec<Finding> {
        self.load().findings.faults
    }

    fn keys(&self) -> Vec<String> {
        self.faults().into_iter().map(|fault| fault.key).collect()
    }
}

#[test]
fn nothing_at_all_is_a_sound_configuration() {
    let config = Given::nothing().config();
    assert_eq!(config.server.address.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.origin(config.server.address), "http://127.0.0.1:8080");
    assert_eq!(config.tokens.issuer, None);
    assert!(
        matches!(config.tokens.secret, Secret::Generated(path) if path.ends_with("data/secret_key"))
    );
    assert_eq!(format!("{:?}", config.database.url), "sqlite:data/portcullis.db");
    assert!(config.server.docs);
    assert!(!config.server.secure_cookies);
    let matrix = config.matrix.active.load();
    assert_eq!((matrix.admin.as_str(), matrix.matrix.roles().len()), ("admin", 8));
    assert_eq!(config.audit.retention, None);
}

#[test]
fn the_sample_file_says_what_the_defaults_are() {
    let [mut sample, mut default] =
        [Given::nothing().file(SAMPLE), Given::nothing()].map(|given| given.config());
    // Not configured there, and printed in no order.
    sample.accounts.reserved_names = ReservedNames::default();
    default.accounts.reserved_names = ReservedNames::default();
    // The same values from another source.
    sample.settings = SettingsInForce::default();
    default.settings = SettingsInForce::default();
    assert_eq!(format!("{sample:#?}"), format!("{default:#?}"));
}

#[test]
fn the_sample_file_has_every_key_and_no_other() {
    let uncommented: String = SAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if is_assignment(rest) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let sample: toml::Table = uncommented.parse().unwrap();
    for section in [
        "",
        "server",
        "database",
        "tokens",
        "sessions",
        "passwords",
        "registration",
        "accounts",
        "access",
        "revocation",
        "redis",
        "mail",
        "audit",
        "lockout",
        "admin",
        "log",
    ] {
        let (table, prefix) = match section {
            "" => (&sample, String::new()),
            name => (sample[name].as_table().unwrap(), format!("{name}.")),
        };
        let mut shown: Vec<_> = table.keys().cloned().collect();
        let mut known = known_keys(&format!("{prefix}bogus"));
        shown.sort();
        known.sort();
        assert_eq!(shown, known, "[{section}]");
    }
}

/// The names that the remedy for an unknown key lists.
fn known_keys(bogus: &str) -> Vec<String> {
    let name = format!("PORTCULLIS__{}", bogus.to_uppercase().replace('.', "__"));
    let variables = [(name, OsString::from("x"))].into_iter().collect();
    let loaded = load(None, &variables);
    let fault = loaded.findings.faults.iter().find(|fault| fault.key == bogus).unwrap();
    fault.remedy.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn is_assignment(text: &str) -> bool {
    text.split_once(" = ")
        .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
}

#[test]
fn the_environment_overrides_the_file() {
    let given = Given::nothing()
        .file("[server]\naddress = \"127.0.0.1:1000\"\ndocs = false\n[log]\nlevel = \"warn\"\n")
        .variable("PORTCULLIS__SERVER__ADDRESS", "127.0.0.1:2000");
    let config = given.config();
    assert_eq!(config.server.address.port(), 2000);
    assert!(!config.server.docs);
    assert_eq!(config.log.level, raw::LogLevel::Warn);
}

#[test]
fn a_secret_in_a_file_of_its_own_overrides_the_file() {
    for name in ["SECRET_KEY_FILE", "PORTCULLIS__TOKENS__SECRET_KEY_FILE"] {
        let given = Given::nothing()
            .file(&format!("[tokens]\nsecret_key = \"{OTHER_KEY}\"\n"))
            .secret("key", &format!("{KEY}\n"));
        let config = given.variable(name, "{dir}/key").config();
        let Secret::Configured(key) = config.tokens.secret else { panic!("{name}: not used") };
        let expected = portcullis_token::SecretKey::parse(&KEY.into()).unwrap();
        let purpose = portcullis_token::Purpose::Csrf;
        assert_eq!(key.derive(purpose), expected.derive(purpose), "{name}");
    }
}

#[test]
fn variables_can_mean_numbers_truth_values_lists_and_tables() {
    let config = Given::variables(&[
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "15"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "3"),
        ("REFRESH_TOKEN_ROTATE", "False"),
        ("CORS_ORIGINS", "https://a.example, https://b.example/"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,192.168.1.1"),
        ("PORTCULLIS__SESSIONS__ABSOLUTE_HOURS_BY_ROLE__RN", "8"),
        ("PORTCULLIS__SESSIONS__IDLE_MINUTES_BY_ROLE__MSA", "45"),
        ("PORTCULLIS__AUDIT__STRICT", "true"),
        ("PORTCULLIS__AUDIT__RETENTION_DAYS", "90"),
        ("PORTCULLIS__TOKENS__AUDIENCE", "12"),
    ])
    .config();
    assert_eq!(config.sessions.access_lifetime.as_secs(), 15 * 60);
    assert_eq!(config.sessions.refresh_lifetime.as_secs(), 3 * 24 * 60 * 60);
    assert!(!config.sessions.rotate);
    assert_eq!(config.server.cors_origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.tokens.audience, "12");
    let hours: Vec<_> = config
        .sessions
        .absolute_lifetime_by_role
        .iter()
        .map(|(role, life)| (role.as_str(), life.as_secs() / 3600))
        .collect();
    assert_eq!(hours, [("rn", 8)]);
    let role = |word| portcullis_domain::Role::parse(word).unwrap();
    let lifetimes = |word| config.sessions.lifetimes(&role(word), &role("admin"));
    let minutes = |word| [lifetimes(word).absolute, lifetimes(word).idle].map(|t| t.as_secs() / 60);
    assert_eq!(minutes("rn"), [8 * 60, 3 * 24 * 60]);
    assert_eq!(minutes("msa"), [30 * 24 * 60, 45]);
    assert_eq!(minutes("admin"), [12 * 60, 60]);
    assert!(config.audit.recording.strict);
    assert_eq!(config.audit.retention, Some(std::time::Duration::from_secs(90 * 24 * 60 * 60)));
}

#[test]
fn a_number_in_a_variable_is_decimal() {
    for (name, key) in [
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "tokens.access_minutes"),
        ("PORTCULLIS__SESSIONS__ABSOLUTE_HOURS_BY_ROLE__RN", "sessions.absolute_hours_by_role.rn"),
    ] {
        for value in ["0x10", "0o17", "0b11", "1_0", "+30"] {
            let faults = Given::variables(&[(name, value)]).faults();
            let [fault] = faults.as_slice() else { panic!("{name}={value}: {faults:?}") };
            assert_eq!(fault.key, key, "{value}");
            assert!(fault.remedy.contains("whole number such as 30"), "{fault}");
        }
    }
    let table = [("PORTCULLIS__SESSIONS__ABSOLUTE_HOURS_BY_ROLE", "{ rn = 0x8 }")];
    assert_eq!(Given::variables(&table).keys(), ["sessions.absolute_hours_by_role"]);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let given = Given::variables(&[("SECRET_KEY", ""), ("CORS_ORIGINS", ""), ("SMTP_HOST", "")]);
    assert_eq!(given.keys(), Vec::<String>::new());
    assert_eq!(given.load().findings.warnings.len(), 1, "the generated key only");
}

#[test]
fn the_mail_server_has_the_names_of_existing_deployments() {
    let variables = [
        ("SMTP_HOST", "smtp.example.org"),
        ("SMTP_PORT", "2525"),
        ("SMTP_USER", "auth"),
        ("SMTP_PASSWORD", "plover-xylem-quartz-41"),
        ("SMTP_FROM", "auth@example.org"),
    ];
    let config = Given::variables(&variables).config();
    let shown = format!("{:?}", config.mail);
    for part in ["smtp.example.org", "2525", "auth@example.org", "StartTls"] {
        let is_shown = shown.contains(part) || part.split('@').all(|half| shown.contains(half));
        assert!(is_shown, "{part} in {shown}");
    }
    assert!(!shown.contains("plover"), "a password is not printed");
}

#[test]
fn mails_are_printed_in_development_only() {
    let console = |environment| {
        let given = Given::variables(&[
            ("PORTCULLIS__ENVIRONMENT", environment),
            ("PORTCULLIS__SERVER__BASE_URL", "https://auth.example.org"),
            ("SECRET_KEY", KEY),
        ]);
        let loaded = given.load();
        let warned = loaded.findings.warnings.iter().any(|found| found.key == "mail.smtp_host");
        (loaded.config.mail.transport.is_some(), warned)
    };
    assert_eq!(console("development"), (true, false));
    assert_eq!(console("staging"), (false, true));
    assert_eq!(console("production"), (false, true));
}

#[test]
fn the_numbers_of_rate_limits_have_the_names_of_existing_deployments() {
    let variables = [
        ("RATE_LIMIT_LOGIN_ATTEMPTS", "7"),
        ("RATE_LIMIT_LOGIN_WINDOW", "30"),
        ("RATE_LIMIT_REGISTER_ATTEMPTS", "20"),
        ("RATE_LIMIT_REGISTER_WINDOW", "600"),
        ("RATE_LIMIT_FORGOT_ATTEMPTS", "2"),
        ("RATE_LIMIT_FORGOT_WINDOW", "900"),
    ];
    let quotas = Given::variables(&variables).config().rate_limits.quotas.unwrap();
    let numbers = quotas.routes.iter().map(|quota| (quota.limit().get(), quota.window().as_secs()));
    let configured = [(7, 30), (7, 30), (42, 30), (20, 600), (2, 900)];
    let fixed = [(20, 3_600), (20, 60), (200, 60), (20, 60), (5, 3_600)];
    let expected = [&configured[..], &fixed].concat();
    assert_eq!(numbers.collect::<Vec<_>>(), expected);
    let off = Given::variables(&[("RATE_LIMIT_ENABLED", "false")]);
    assert!(off.config().rate_limits.quotas.is_none());
}

#[test]
fn a_file_in_the_data_directory_is_found_and_a_named_one_must_exist() {
    let given = Given::nothing().file("[log]\nlevel = \"error\"\n");
    let in_data_dir = Given { file: None, ..given }.variable("PORTCULLIS__DATA_DIR", "{dir}");
    assert_eq!(in_data_dir.config().log.level, raw::LogLevel::Error);

    let missing = Given::nothing().variable("PORTCULLIS__CONFIG", "{dir}/missing.toml");
    assert_eq!(missing.keys(), ["config"]);
}

#[test]
fn default_and_weak_admin_passwords_are_refused() {
    for (password, problem) in [
        ("admin", "well-known default"),
        ("changeme", "well-known default"),
        ("Change-Me-123", "well-known default"),
        ("PASSWORD1234!", "well-known default"),
        ("adminadmin", "well-known default"),
        ("123456", "well-known default"),
        ("plover", "at least 12 characters"),
        ("aaaaaaaaaaaaaaaa", "easy to guess"),
    ] {
        let variables = [("ADMIN_EMAIL", "you@example.org"), ("ADMIN_PASSWORD", password)];
        let faults = Given::variables(&variables).faults();
        let named = faults
            .iter()
            .any(|fault| fault.key == "admin.password" && fault.problem.contains(problem));
        assert!(named, "{password}: {faults:?}");
    }
    let sound = [("ADMIN_EMAIL", "you@example.org"), ("ADMIN_PASSWORD", "plover-xylem-quartz-41")];
    assert!(Given::variables(&sound).config().admin.is_some());
}

#[test]
fn no_secret_is_printed() {
    let config = Given::variables(&[
        ("SECRET_KEY", KEY),
        ("DATABASE_URL", "postgres://user:hunter2@localhost/auth"),
        ("ADMIN_EMAIL", "you@example.org"),
        ("ADMIN_PASSWORD", "plover-xylem-quartz-41"),
    ])
    .config();
    let printed = format!("{config:?}");
    for secret in [KEY, "hunter2", "plover"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn no_finding_quotes_a_value() {
    let secret = "s3cr3t-in-the-wrong-place";
    for name in
        faults::FAULTS.iter().map(|(name, _, _)| *name).filter(|name| !name.ends_with("_FILE"))
    {
        for finding in Given::variables(&[(name, secret)]).faults() {
            assert!(!finding.to_string().contains(secret), "{finding}");
        }
    }
}
