//! Tests of the configuration: file, variables, secrets and their faults.

mod access;
mod production;
mod tokens;

use std::ffi::OsString;

use portcullis_domain::ReservedNames;
use tempfile::TempDir;

use super::*;

const SAMPLE: &str = include_str!("../../../../config/portcullis.toml");

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

    fn load(&self) -> Loaded {
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
        "access",
        "revocation",
        "redis",
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
fn variables_of_later_features_are_warned_about() {
    let names = ["SMTP_HOST", "SMTP_PASSWORD"];
    let loaded = Given::variables(&names.map(|name| (name, "x"))).load();
    let warned: Vec<_> = loaded.findings.warnings.iter().map(|w| w.key.as_str()).collect();
    assert_eq!(warned, ["SMTP_HOST", "SMTP_PASSWORD", "tokens.secret_key"]);
    assert!(loaded.findings.warnings[0].problem.contains("no effect in this version"));
}

#[test]
fn the_numbers_of_rate_limits_have_the_names_of_existing_deployments() {
    let variables = [
        ("RATE_LIMIT_LOGIN_ATTEMPTS", "7"),
        ("RATE_LIMIT_LOGIN_WINDOW", "30"),
        ("RATE_LIMIT_REGISTER_ATTEMPTS", "20"),
        ("RATE_LIMIT_REGISTER_WINDOW", "600"),
    ];
    let quotas = Given::variables(&variables).config().rate_limits.quotas.unwrap();
    let numbers = quotas.routes.iter().map(|quota| (quota.limit().get(), quota.window().as_secs()));
    assert_eq!(numbers.collect::<Vec<_>>(), [(7, 30), (20, 600)]);
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

/// What is set, and the key that must be found faulty, in development.
const FAULTS: &[(&str, &str, &str)] = &[
    ("PORTCULLIS__ENVIRONMENT", "prod", "environment"),
    ("PORTCULLIS__MODERATION", "none", "moderation"),
    ("PORTCULLIS__SERVER__ADRESS", "127.0.0.1:1", "server.adress"),
    ("PORTCULLIS__SERVR__ADDRESS", "127.0.0.1:1", "servr"),
    ("PORTCULLIS__SERVER", "127.0.0.1:1", "server"),
    ("PORTCULLIS__SERVER__ADDRESS", "localhost:8080", "server.address"),
    ("PORTCULLIS__SERVER__ADDRESS", "8080", "server.address"),
    ("PORTCULLIS__SERVER__BASE_URL", "auth.example.org", "server.base_url"),
    ("PORTCULLIS__SERVER__BASE_URL", "https://auth.example.org/login", "server.base_url"),
    ("PORTCULLIS__SERVER__DOCS", "yes", "server.docs"),
    ("CORS_ORIGINS", "*", "server.cors_origins"),
    ("CORS_ORIGINS", "https://a.example/path", "server.cors_origins"),
    ("TRUSTED_PROXIES", "proxy.internal", "server.trusted_proxies"),
    ("TRUSTED_PROXIES", "10.0.0.5/8", "server.trusted_proxies"),
    ("SECURE_COOKIES", "2", "server.secure_cookies"),
    ("DATABASE_URL", "mysql://localhost/auth", "database.url"),
    ("DATABASE_URL_FILE", "{dir}/missing", "database.url"),
    ("PORTCULLIS__DATABASE__CONNECTIONS", "0", "database.connections"),
    ("PORTCULLIS__DATABASE__CONNECTIONS", "many", "database.connections"),
    ("SECRET_KEY", "short", "tokens.secret_key"),
    ("SECRET_KEY", "changeme-changeme-changeme-changeme", "tokens.secret_key"),
    ("SECRET_KEY", "abababababababababababababababababab", "tokens.secret_key"),
    ("SECRET_KEY_PREVIOUS", "short", "tokens.secret_key_previous"),
    ("SECRET_KEY_PREVIOUS_FILE", "{dir}/missing", "tokens.secret_key_previous"),
    ("PORTCULLIS__TOKENS__ALGORITHM", "RS256", "tokens.algorithm"),
    ("PORTCULLIS__TOKENS__ALGORITHM", "hs256", "tokens.algorithm"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "half an hour", "tokens.access_minutes"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "-5", "tokens.access_minutes"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "tokens.access_minutes"),
    ("REFRESH_TOKEN_EXPIRE_DAYS", "3650", "tokens.refresh_days"),
    ("REFRESH_TOKEN_ROTATE", "perhaps", "sessions.rotate"),
    ("PORTCULLIS__SESSIONS__ON_REUSE", "none", "sessions.on_reuse"),
    ("PORTCULLIS__SESSIONS__MOST", "0", "sessions.most"),
    (
        "PORTCULLIS__SESSIONS__ABSOLUTE_HOURS_BY_ROLE__NURSE",
        "8",
        "sessions.absolute_hours_by_role.nurse",
    ),
    (
        "PORTCULLIS__SESSIONS__ABSOLUTE_HOURS_BY_ROLE",
        "{ rn = \"long\" }",
        "sessions.absolute_hours_by_role.rn",
    ),
    ("PORTCULLIS__SESSIONS__IDLE_MINUTES_BY_ROLE__RN", "30", "sessions.idle_minutes_by_role.rn"),
    ("RATE_LIMIT_ENABLED", "perhaps", "rate_limit.enabled"),
    ("RATE_LIMIT_LOGIN_ATTEMPTS", "0", "rate_limit.login_attempts"),
    ("RATE_LIMIT_LOGIN_ATTEMPTS", "1001", "rate_limit.login_attempts"),
    ("RATE_LIMIT_REGISTER_WINDOW", "0", "rate_limit.register_window_seconds"),
    ("PORTCULLIS__RATE_LIMIT__REQUESTS", "0", "rate_limit.requests"),
    ("PORTCULLIS__RATE_LIMIT__EXEMPT_NETWORKS", "office", "rate_limit.exempt_networks"),
    ("PORTCULLIS__RATE_LIMIT__MEMORY_MIB", "0", "rate_limit.memory_mib"),
    ("PORTCULLIS__PASSWORDS__MIN_LENGTH", "4", "passwords.min_length"),
    ("PORTCULLIS__PASSWORDS__MAX_LENGTH", "20", "passwords.max_length"),
    ("PORTCULLIS__PASSWORDS__REQUIRE_CLASSES", "5", "passwords.require_classes"),
    ("PORTCULLIS__PASSWORDS__MIN_SCORE", "300", "passwords.min_score"),
    ("PORTCULLIS__PASSWORDS__MEMORY_KIB", "1024", "passwords.memory_kib"),
    ("PORTCULLIS__PASSWORDS__ITERATIONS", "1", "passwords.iterations"),
    ("PORTCULLIS__PASSWORDS__PARALLELISM", "0", "passwords.parallelism"),
    ("PORTCULLIS__PASSWORDS__THREADS", "0", "passwords.threads"),
    ("PORTCULLIS__PASSWORDS__QUEUE", "0", "passwords.queue"),
    ("PORTCULLIS__PASSWORDS__DEADLINE_MS", "1", "passwords.deadline_ms"),
    ("PORTCULLIS__PASSWORDS__MAX_BCRYPT_COST", "15", "passwords.max_bcrypt_cost"),
    ("PORTCULLIS__REGISTRATION__MODE", "invite", "registration.mode"),
    ("PORTCULLIS__REGISTRATION__MODE", "everybody", "registration.mode"),
    ("PORTCULLIS__REGISTRATION__ROLE", "nurse", "registration.role"),
    ("PORTCULLIS__ACCOUNTS__ROLES", "admin,msa", "accounts"),
    ("PORTCULLIS__REVOCATION__STRICT", "maybe", "revocation.strict"),
    ("PORTCULLIS__REVOCATION__POLL_MS", "1000", "revocation.poll_ms"),
    ("PORTCULLIS__REVOCATION__STALENESS_SECONDS", "1", "revocation.staleness_seconds"),
    ("PORTCULLIS__REVOCATION__WHEN_STALE", "accept", "revocation.when_stale"),
    ("PORTCULLIS__SERVICES__SCHEDULING", "a-secret-in-the-wrong-place", "services.scheduling"),
    ("PORTCULLIS__SERVICES__NO+NAME", DIGEST, "services.no+name"),
    ("PORTCULLIS__SERVICES", DIGEST, "services"),
    ("REDIS_URL", "localhost:6379", "redis.url"),
    ("REDIS_URL", "http://localhost:6379", "redis.url"),
    ("REDIS_URL", "rediss://localhost:6379", "redis.url"),
    ("REDIS_URL_FILE", "{dir}/missing", "redis.url"),
    ("PORTCULLIS__ACCESS__MATRIX", "{dir}/missing.toml", "access.matrix"),
    ("PORTCULLIS__AUDIT__WINDOW_MS", "10", "audit.window_ms"),
    ("PORTCULLIS__AUDIT__WINDOW_MS", "10001", "audit.window_ms"),
    ("PORTCULLIS__AUDIT__STRICT", "sometimes", "audit.strict"),
    ("PORTCULLIS__AUDIT__QUEUE", "0", "audit.queue"),
    ("PORTCULLIS__AUDIT__QUEUE_MIB", "1", "audit.queue_mib"),
    ("PORTCULLIS__AUDIT__CHECKPOINT_EVERY_SECONDS", "0", "audit.checkpoint_every_seconds"),
    ("PORTCULLIS__AUDIT__RETENTION_DAYS", "0", "audit.retention_days"),
    ("PORTCULLIS__AUDIT__RETENTION_DAYS", "none", "audit.retention_days"),
    ("PORTCULLIS__RETENTION__SESSIONS_DAYS", "7", "retention.sessions_days"),
    ("PORTCULLIS__RETENTION__SIGN_IN_FAILURES_DAYS", "29", "retention.sign_in_failures_days"),
    ("PORTCULLIS__RETENTION__OUTBOX_DAYS", "0", "retention.outbox_days"),
    ("PORTCULLIS__LOCKOUT__CEILING", "5", "lockout.ceiling"),
    ("PORTCULLIS__LOCKOUT__FREE_FAILURES", "0", "lockout.free_failures"),
    ("PORTCULLIS__LOCKOUT__LONGEST_WAIT_SECONDS", "10", "lockout.longest_wait_seconds"),
    ("ADMIN_EMAIL", "you@example.org", "admin.password"),
    ("ADMIN_PASSWORD", "plover-xylem-quartz-41", "admin.email"),
    ("PORTCULLIS__ADMIN__USERNAME", "no spaces please", "admin.username"),
    ("PORTCULLIS__LOG__FORMAT", "xml", "log.format"),
    ("PORTCULLIS__LOG__LEVEL", "loud", "log.level"),
];

#[test]
fn every_kind_of_fault_is_found_under_its_key() {
    for (name, value, key) in FAULTS {
        let faults = Given::variables(&[(name, value)]).faults();
        let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert!(keys.contains(key), "{name}={value}: found {keys:?}");
        for fault in faults {
            assert!(!fault.remedy.is_empty() && !fault.problem.is_empty(), "{fault}");
        }
    }
}

#[test]
fn faults_do_not_hide_one_another() {
    let mut seen = std::collections::BTreeSet::new();
    let mut pairs = Vec::new();
    let mut expected = Vec::new();
    for (name, value, key) in FAULTS {
        // These exclude one another.
        let is_alone = *name == "PORTCULLIS__SERVER"
            || ["admin.email", "access.matrix", "sessions.absolute_hours_by_role.rn"].contains(key)
            || ["iterations", "admin.password"].iter().any(|end| key.ends_with(end));
        if !is_alone && seen.insert(*key) && seen.insert(*name) {
            pairs.push((*name, *value));
            expected.push(*key);
        }
    }
    let given = Given::variables(&pairs)
        .file("\"a.b\" = 1\ncolour = \"red\"\n[log]\nlevel = 3\n[passwords]\nmin_length = \"12\"\n[x]\ny = 1\n");
    let keys = given.keys();
    let missing: Vec<_> =
        expected.iter().filter(|key| !keys.iter().any(|found| found == *key)).collect();
    assert!(missing.is_empty(), "not found: {missing:?}\nfound: {keys:?}");
    for key in ["a.b", "colour", "x"] {
        assert!(keys.iter().any(|found| found == key), "{key} is not in {keys:?}");
    }
    assert!(pairs.len() > 35, "{}", pairs.len());
}

#[test]
fn a_key_that_is_set_twice_is_a_fault() {
    for pair in [
        ["SECRET_KEY", "SECRET_KEY_FILE"],
        ["SECRET_KEY", "PORTCULLIS__TOKENS__SECRET_KEY"],
        ["SECRET_KEY_FILE", "PORTCULLIS__TOKENS__SECRET_KEY_FILE"],
        ["PORTCULLIS__TOKENS__SECRET_KEY", "PORTCULLIS__TOKENS__SECRET_KEY_FILE"],
    ] {
        let faults = Given::variables(&pair.map(|name| (name, KEY))).faults();
        let [fault] = faults.as_slice() else { panic!("{pair:?}: {faults:?}") };
        assert_eq!(fault.key, "tokens.secret_key");
        assert!(pair.iter().all(|name| fault.problem.contains(name)), "{fault}");
    }
}

#[test]
fn the_file_ending_works_for_secrets_only() {
    let keys = Given::variables(&[("PORTCULLIS__LOG__LEVEL_FILE", "{dir}/level")]).keys();
    assert_eq!(keys, ["log.level_file"]);
    let given = Given::nothing().secret("empty", "\n").variable("SECRET_KEY_FILE", "{dir}/empty");
    assert_eq!(given.keys(), ["tokens.secret_key"]);
}

#[test]
fn wrong_forms_in_the_file_are_found_with_what_was_expected() {
    for (text, key, expected) in [
        ("environment = 3", "environment", "sample file"),
        ("server = 3", "server", "section"),
        ("log = [\"json\", \"info\"]", "log", "section"),
        ("[server]\ndocs = \"true\"", "server.docs", "true or false"),
        ("[server]\ncors_origins = \"https://a.example\"", "server.cors_origins", "list"),
        ("[server]\ncors_origins = [1]", "server.cors_origins", "text"),
        ("[tokens]\naccess_minutes = 1.5", "tokens.access_minutes", "whole number"),
        ("[tokens]\nsecret_key = 12345678", "tokens.secret_key", "text"),
        ("[sessions]\nabsolute_hours_by_role = 12", "sessions.absolute_hours_by_role", "table"),
    ] {
        let faults = Given::nothing().file(text).faults();
        let [fault] = faults.as_slice() else { panic!("{text}: {faults:?}") };
        assert_eq!(fault.key, key, "{text}");
        assert!(fault.remedy.contains(expected), "{fault}");
        assert!(fault.source.as_ref().is_none_or(|s| s.ends_with("portcullis.toml")), "{fault}");
    }
}

#[test]
fn broken_syntax_is_located_and_hides_nothing_else() {
    let given = Given::nothing()
        .file("[log]\nlevel = \"loud\"\n[tokens]\nsecret_key = \"hunter2\n[server]\nport = \n")
        .variable("DATABASE_URL", "mysql://x");
    let faults = given.faults();
    let text = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(text.contains("line 4") && text.contains("line 6"), "{text}");
    assert!(text.contains("log.level") && text.contains("database.url"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
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
    for name in FAULTS.iter().map(|(name, _, _)| *name).filter(|name| !name.ends_with("_FILE")) {
        for finding in Given::variables(&[(name, secret)]).faults() {
            assert!(!finding.to_string().contains(secret), "{finding}");
        }
    }
}
