//! Tests of the faults of a configuration: each is found under its key, and none hides another.

use super::{DIGEST, Given, KEY};

/// What is set, and the key that must be found faulty, in development.
pub(super) const FAULTS: &[(&str, &str, &str)] = &[
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
    ("PORTCULLIS__SERVER__FORWARDING_HEADER", "x-real-ip", "server.forwarding_header"),
    ("PORTCULLIS__SERVER__PROXY_PROTOCOL", "true", "server.proxy_protocol"),
    ("SECURE_COOKIES", "2", "server.secure_cookies"),
    ("PORTCULLIS__TRACES__ENDPOINT", "127.0.0.1:4318", "traces.endpoint"),
    ("PORTCULLIS__TRACES__ENDPOINT", "ftp://127.0.0.1/v1/traces", "traces.endpoint"),
    ("PORTCULLIS__TRACES__ENDPOINT", "http://ada:pw@127.0.0.1/v1/traces", "traces.endpoint"),
    ("PORTCULLIS__TRACES__SAMPLE_RATIO", "1.5", "traces.sample_ratio"),
    ("PORTCULLIS__TRACES__SAMPLE_RATIO", "nan", "traces.sample_ratio"),
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
    ("REFRESH_TOKEN_ROTATE", "maybe", "sessions.rotate"),
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
    (
        "PORTCULLIS__ACCOUNTS__NETWORKS_BY_ROLE",
        "{ nurse = [\"10.0.0.0/8\"] }",
        "accounts.networks_by_role.nurse",
    ),
    (
        "PORTCULLIS__ACCOUNTS__NETWORKS_BY_ROLE",
        "{ msa = [\"10.0.0.1/8\"] }",
        "accounts.networks_by_role.msa",
    ),
    ("PORTCULLIS__ACCOUNTS__NETWORKS_BY_ROLE", "{ msa = [] }", "accounts.networks_by_role.msa"),
    ("PORTCULLIS__RETENTION__DEVICES_DAYS", "401", "retention.devices_days"),
    ("PORTCULLIS__RISK__ENABLED", "maybe", "risk.enabled"),
    ("PORTCULLIS__RISK__CHALLENGE_AT", "0", "risk.challenge_at"),
    ("PORTCULLIS__RISK__REFUSE_AT", "39", "risk.refuse_at"),
    ("PORTCULLIS__RISK__WEIGHTS__NEW_DEVICE", "1001", "risk.weights.new_device"),
    ("PORTCULLIS__RISK__WEIGHTS__NETWORK_NAMES__MAX", "1001", "risk.weights.network_names.max"),
    ("RATE_LIMIT_ENABLED", "maybe", "rate_limit.enabled"),
    ("RATE_LIMIT_LOGIN_ATTEMPTS", "0", "rate_limit.login_attempts"),
    ("RATE_LIMIT_LOGIN_ATTEMPTS", "1001", "rate_limit.login_attempts"),
    ("RATE_LIMIT_FORGOT_ATTEMPTS", "0", "rate_limit.forgot_attempts"),
    ("RATE_LIMIT_FORGOT_WINDOW", "0", "rate_limit.forgot_window_seconds"),
    ("PORTCULLIS__MAIL__DISAVOWAL_DAYS", "6", "mail.disavowal_days"),
    ("PORTCULLIS__SESSIONS__ALERT_NEW_DEVICES", "sometimes", "sessions.alert_new_devices"),
    ("PORTCULLIS__MAIL__RESETS_PER_HOUR", "0", "mail.resets_per_hour"),
    ("RATE_LIMIT_REGISTER_WINDOW", "0", "rate_limit.register_window_seconds"),
    ("PORTCULLIS__RATE_LIMIT__REQUESTS", "0", "rate_limit.requests"),
    ("PORTCULLIS__RATE_LIMIT__EXEMPT_NETWORKS", "office", "rate_limit.exempt_networks"),
    ("PORTCULLIS__RATE_LIMIT__CONNECTIONS", "0", "rate_limit.connections"),
    ("PORTCULLIS__RATE_LIMIT__CONNECTIONS_IN_ALL", "many", "rate_limit.connections_in_all"),
    ("PORTCULLIS__RATE_LIMIT__CONCURRENT_REQUESTS", "0", "rate_limit.concurrent_requests"),
    (
        "PORTCULLIS__RATE_LIMIT__CONCURRENT_REQUESTS_IN_ALL",
        "0",
        "rate_limit.concurrent_requests_in_all",
    ),
    ("PORTCULLIS__RATE_LIMIT__BANS", "perhaps", "rate_limit.bans"),
    ("PORTCULLIS__RATE_LIMIT__BAN_OFFENCES", "9", "rate_limit.ban_offences"),
    ("PORTCULLIS__RATE_LIMIT__BAN_OFFENCES", "1001", "rate_limit.ban_offences"),
    ("PORTCULLIS__RATE_LIMIT__BAN_WINDOW_SECONDS", "59", "rate_limit.ban_window_seconds"),
    ("PORTCULLIS__RATE_LIMIT__BAN_FIRST_SECONDS", "86401", "rate_limit.ban_first_seconds"),
    ("PORTCULLIS__RATE_LIMIT__BAN_LONGEST_SECONDS", "599", "rate_limit.ban_longest_seconds"),
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
    ("PORTCULLIS__REGISTRATION__ANSWER", "later", "registration.answer"),
    ("PORTCULLIS__REGISTRATION__PENDING_HOURS", "0", "registration.pending_hours"),
    ("PORTCULLIS__REGISTRATION__MAILS_PER_HOUR", "101", "registration.mails_per_hour"),
    ("PORTCULLIS__REGISTRATION__UNVERIFIED_SIGN_IN", "maybe", "registration.unverified_sign_in"),
    ("PORTCULLIS__REGISTRATION__MODE", "everybody", "registration.mode"),
    ("PORTCULLIS__REGISTRATION__ROLE", "nurse", "registration.role"),
    ("PORTCULLIS__ACCOUNTS__ROLES", "admin,msa", "accounts.roles"),
    ("PORTCULLIS__REVOCATION__STRICT", "maybe", "revocation.strict"),
    ("PORTCULLIS__REVOCATION__POLL_MS", "1000", "revocation.poll_ms"),
    ("PORTCULLIS__REVOCATION__STALENESS_SECONDS", "1", "revocation.staleness_seconds"),
    ("PORTCULLIS__REVOCATION__WHEN_STALE", "accept", "revocation.when_stale"),
    ("PORTCULLIS__SERVICES__SCHEDULING", "a-secret-in-the-wrong-place", "services.scheduling"),
    ("PORTCULLIS__SERVICES__NO+NAME", DIGEST, "services.no+name"),
    ("PORTCULLIS__SERVICES", DIGEST, "services"),
    ("REDIS_URL", "localhost:6379", "redis.url"),
    ("REDIS_URL", "http://localhost:6379", "redis.url"),
    ("REDIS_URL", "redis://localhost/first", "redis.url"),
    ("REDIS_URL", "rediss://localhost:6379/#insecure", "redis.url"),
    ("REDIS_URL", "redis+sentinel://localhost:26379", "redis.url"),
    ("REDIS_URL", "redis+cluster://localhost:6379/1", "redis.url"),
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
    ("PORTCULLIS__RETENTION__DELIVERED_MAILS_DAYS", "0", "retention.delivered_mails_days"),
    ("PORTCULLIS__RETENTION__FORMER_EMAILS_DAYS", "39", "retention.former_emails_days"),
    ("PORTCULLIS__RETENTION__API_KEYS_DAYS", "0", "retention.api_keys_days"),
    ("PORTCULLIS__RETENTION__EXPIRED_HOURS", "0", "retention.expired_hours"),
    ("PORTCULLIS__MFA__REQUIRED", "sometimes", "mfa.required"),
    ("PORTCULLIS__MFA__REQUIRED_ROLES", "msa,nurse", "mfa.required_roles"),
    ("PORTCULLIS__MFA__ISSUER", "Auth: example", "mfa.issuer"),
    ("SMTP_HOST", "smtp.example.org", "mail.from"),
    ("SMTP_HOST", "smtp example", "mail.smtp_host"),
    ("SMTP_PORT", "65536", "mail.smtp_port"),
    ("SMTP_USER", "auth", "mail.smtp_password"),
    ("SMTP_PASSWORD", "plover-xylem-quartz-41", "mail.smtp_user"),
    ("SMTP_FROM", "auth@example.org, eve@example.org", "mail.from"),
    ("PORTCULLIS__MAIL__SENDER_NAME", "a\r\nBcc: eve@example.org", "mail.sender_name"),
    ("PORTCULLIS__MAIL__ENCRYPTION", "ssl", "mail.encryption"),
    ("PORTCULLIS__MAIL__TEMPLATES", "{dir}/missing", "mail.templates"),
    ("PORTCULLIS__MAIL__CONNECTIONS", "0", "mail.connections"),
    ("PORTCULLIS__MAIL__CONNECT_TIMEOUT_SECONDS", "0", "mail.connect_timeout_seconds"),
    ("PORTCULLIS__MAIL__DELIVERY_TIMEOUT_SECONDS", "401", "mail.delivery_timeout_seconds"),
    ("PORTCULLIS__MAIL__MAX_ATTEMPTS", "0", "mail.max_attempts"),
    ("PORTCULLIS__MAIL__VERIFY_HOURS", "169", "mail.verify_hours"),
    ("PORTCULLIS__MAIL__RESET_MINUTES", "31", "mail.reset_minutes"),
    ("PORTCULLIS__MAIL__INVITATION_DAYS", "31", "mail.invitation_days"),
    ("PORTCULLIS__LOCKOUT__CEILING", "5", "lockout.ceiling"),
    ("PORTCULLIS__LOCKOUT__FREE_FAILURES", "0", "lockout.free_failures"),
    ("PORTCULLIS__LOCKOUT__LONGEST_WAIT_SECONDS", "10", "lockout.longest_wait_seconds"),
    ("ADMIN_EMAIL", "you@example.org", "admin.password"),
    ("ADMIN_PASSWORD", "plover-xylem-quartz-41", "admin.email"),
    ("PORTCULLIS__ADMIN__USERNAME", "no spaces please", "admin.username"),
    ("PORTCULLIS__CONSOLE__NAME", "a\u{202e}b", "console.name"),
    ("PORTCULLIS__CONSOLE__LOGO", "{dir}/missing", "console.logo"),
    ("PORTCULLIS__CONSOLE__ACCENT", "green", "console.accent"),
    ("PORTCULLIS__CONSOLE__ACCENT_DARK", "#333333", "console.accent_dark"),
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
            || [
                "admin.email",
                "access.matrix",
                "mail.smtp_user",
                "mail.smtp_password",
                "sessions.absolute_hours_by_role.rn",
                "server.proxy_protocol",
            ]
            .contains(key)
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
#[cfg(not(feature = "otlp"))]
fn a_build_without_an_exporter_refuses_a_collector() {
    let given =
        Given::variables(&[("PORTCULLIS__TRACES__ENDPOINT", "http://127.0.0.1:4318/v1/traces")]);
    assert_eq!(given.keys(), ["traces.endpoint"]);
}
