//! Tests of the checks that apply in production only.

use super::{Given, KEY};

/// A production without a fault.
const PRODUCTION: [(&str, &str); 3] = [
    ("PORTCULLIS__ENVIRONMENT", "production"),
    ("PORTCULLIS__SERVER__BASE_URL", "https://auth.example.org"),
    ("SECRET_KEY", KEY),
];

#[test]
fn production_starts_with_three_settings_and_all_safeties_on() {
    let config = Given::variables(&PRODUCTION).config();
    assert!(config.server.secure_cookies);
    assert!(!config.server.docs);
    let mode = portcullis_flows::identity::account_request::RegistrationMode::Invite;
    assert_eq!(config.accounts.mode, mode);
    let verified = portcullis_flows::identity::registration::RegistrationAnswer::Verified;
    assert_eq!(config.registration.answer, verified);
    assert!(config.registration.requires_verified_email);
    assert!(config.sessions.factors.administrators);
    assert!(!config.sessions.factors.everybody);
}

#[test]
fn production_cannot_be_weakened() {
    let refusals: &[(&str, &str, &str)] = &[
        ("PORTCULLIS__SERVER__BASE_URL", "", "server.base_url"),
        ("PORTCULLIS__SERVER__BASE_URL", "http://auth.example.org", "server.base_url"),
        ("PORTCULLIS__SERVER__BASE_URL", "http://127.0.0.1:8080", "server.base_url"),
        ("SECRET_KEY", "", "tokens.secret_key"),
        ("SECRET_KEY", "0123456789012345678901234567890123456789", "tokens.secret_key"),
        ("SECURE_COOKIES", "false", "server.secure_cookies"),
        ("REFRESH_TOKEN_ROTATE", "false", "sessions.rotate"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "server.trusted_proxies"),
        ("RATE_LIMIT_ENABLED", "false", "rate_limit.enabled"),
        ("PORTCULLIS__RATE_LIMIT__EXEMPT_NETWORKS", "0.0.0.0/0", "rate_limit.exempt_networks"),
        ("PORTCULLIS__MFA__REQUIRED", "nobody", "mfa.required"),
        ("PORTCULLIS__LOCKOUT__FREE_FAILURES", "6", "lockout.free_failures"),
        ("PORTCULLIS__LOCKOUT__CEILING", "101", "lockout.ceiling"),
        ("PORTCULLIS__LOCKOUT__FIRST_WAIT_SECONDS", "59", "lockout.first_wait_seconds"),
        ("PORTCULLIS__LOCKOUT__LONGEST_WAIT_SECONDS", "899", "lockout.longest_wait_seconds"),
        ("PORTCULLIS__LOCKOUT__FORGET_AFTER_SECONDS", "60", "lockout.forget_after_seconds"),
        ("PORTCULLIS__PASSWORDS__MIN_SCORE", "1", "passwords.min_score"),
        ("PORTCULLIS__PASSWORDS__MEMORY_KIB", "8192", "passwords.memory_kib"),
        ("DATABASE_URL", "postgres://u:p@db.internal/auth", "database.url"),
    ];
    for (name, value, key) in refusals {
        let mut variables: Vec<_> =
            PRODUCTION.iter().copied().filter(|(other, _)| other != name).collect();
        variables.push((name, value));
        assert_eq!(Given::variables(&variables).keys(), [*key], "{name}={value}");
    }
}

#[test]
fn a_private_network_may_carry_the_database_when_that_is_said() {
    let given = PRODUCTION.iter().fold(Given::nothing(), |given, (n, v)| given.variable(n, v));
    let given = given
        .variable("DATABASE_URL", "postgres://u:p@db.internal/auth")
        .variable("PORTCULLIS__DATABASE__ALLOW_PLAINTEXT", "true");
    assert_eq!(given.keys(), Vec::<String>::new());
}
