//! The section `rate_limit`: quotas of client addresses and accounts.

use std::time::Duration;

use portcullis_rate_limit::{MAX_SLIDING_LIMIT, Quota, QuotaError};
use portcullis_web::quotas::{
    CSP_REPORTS, MAILED_LINKS, PASSKEY_OPTIONS, PASSWORD_RESET, REGISTRATION, SECOND_FACTOR,
    SIGN_IN, TEST_MAILS,
};
use portcullis_web::{
    ConnectionLimits, RateLimit, RateLimitSettings, RequestBounds, WRONG_API_KEYS,
    WRONG_INTROSPECTED_KEYS,
};

use super::finding::Findings;
use super::networks;
use super::raw::{self, Environment};

/// The checked section.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// The quotas; `None` if rate limits are switched off.
    pub quotas: Option<RateLimitSettings>,
    /// The maximum memory of the windows of this node, in bytes.
    pub max_bytes: usize,
    /// The limits of open connections.
    pub connections: ConnectionLimits,
    /// The limits of requests under way.
    pub requests_under_way: RequestBounds,
}

impl RateLimits {
    pub(crate) fn check(
        raw: raw::RateLimit,
        environment: Environment,
        findings: &mut Findings,
    ) -> Self {
        let in_production = environment == Environment::Production;
        let enabled = raw.enabled.unwrap_or(true);
        if in_production && !enabled {
            findings.fault(KEY, "cannot be switched off in production", "remove it");
        }
        let routes = routes(&raw, findings);
        let window = seconds(
            "rate_limit.requests_window_seconds",
            raw.requests_window_seconds,
            10,
            findings,
        );
        let mut general = |key, name, value, default| {
            let limit = findings.within(key, value, default, 1..=MAX_REQUESTS);
            Quota::gcra(name, limit, window)
        };
        let requests = general("rate_limit.requests", "requests", raw.requests, REQUESTS);
        let account_requests = general(
            "rate_limit.account_requests",
            "account_requests",
            raw.account_requests,
            ACCOUNT_REQUESTS,
        );
        let key_requests =
            general("rate_limit.key_requests", "key_requests", raw.key_requests, KEY_REQUESTS);
        let exempt = raw.exempt_networks.unwrap_or_default();
        let exempt_networks =
            networks::check("rate_limit.exempt_networks", &exempt, in_production, findings);
        let mut maximum = |key, value, default| findings.within(key, value, default, 1..=MAX_COUNT);
        let connections = ConnectionLimits::default();
        let connections = ConnectionLimits {
            per_address: maximum(
                "rate_limit.connections",
                raw.connections,
                connections.per_address,
            ),
            total: maximum(
                "rate_limit.connections_in_all",
                raw.connections_in_all,
                connections.total,
            ),
            exempt_networks: exempt_networks.clone(),
        };
        let bounds = RequestBounds::default();
        let requests_under_way = RequestBounds {
            per_address: maximum(
                "rate_limit.concurrent_requests",
                raw.concurrent_requests,
                bounds.per_address,
            ),
            total: maximum(
                "rate_limit.concurrent_requests_in_all",
                raw.concurrent_requests_in_all,
                bounds.total,
            ),
        };
        let mib = findings.within("rate_limit.memory_mib", raw.memory_mib, 32, 1..=4096);
        let quotas = || -> Result<RateLimitSettings, QuotaError> {
            Ok(RateLimitSettings {
                requests: requests?,
                account_requests: account_requests?,
                key_requests: key_requests?,
                routes: routes?,
                exempt_networks,
            })
        };
        let quotas = quotas().map_err(|error| {
            findings.refuse(
                "rate_limit.requests",
                error,
                "write fewer requests, or a longer window",
            );
        });
        let quotas = quotas.ok().filter(|_| enabled);
        Self { quotas, max_bytes: mib << 20, connections, requests_under_way }
    }
}

const KEY: &str = "rate_limit.enabled";

/// The default of `rate_limit.requests`: 1,000 per second, for offices and services behind one address.
const REQUESTS: u32 = 10_000;

/// The default of `rate_limit.account_requests`: 200 per second.
const ACCOUNT_REQUESTS: u32 = 2_000;

/// The default of `rate_limit.key_requests`: 100 per second.
const KEY_REQUESTS: u32 = 1_000;

/// The maximum of a number of connections or requests.
const MAX_COUNT: usize = 1_000_000;

const MAX_REQUESTS: u32 = 10_000_000;

/// The quotas of routes. All numbers are checked before the first error is returned.
fn routes(raw: &raw::RateLimit, findings: &mut Findings) -> Result<Vec<Quota>, QuotaError> {
    let sign_in = of_route(
        &SIGN_IN,
        ("rate_limit.login_attempts", raw.login_attempts),
        ("rate_limit.login_window_seconds", raw.login_window_seconds),
        findings,
    );
    let second_factor = of_route(
        &SECOND_FACTOR,
        ("rate_limit.login_attempts", raw.login_attempts),
        ("rate_limit.login_window_seconds", raw.login_window_seconds),
        findings,
    );
    let registration = of_route(
        &REGISTRATION,
        ("rate_limit.register_attempts", raw.register_attempts),
        ("rate_limit.register_window_seconds", raw.register_window_seconds),
        findings,
    );
    let password_reset = of_route(
        &PASSWORD_RESET,
        ("rate_limit.forgot_attempts", raw.forgot_attempts),
        ("rate_limit.forgot_window_seconds", raw.forgot_window_seconds),
        findings,
    );
    let sign_in = sign_in?;
    let passkey_options = passkey_options(sign_in)?;
    let fixed =
        [&MAILED_LINKS, &WRONG_API_KEYS, &WRONG_INTROSPECTED_KEYS, &CSP_REPORTS, &TEST_MAILS];
    let fixed = fixed.map(|rate| *rate.quota());
    let sign_ins = [sign_in, second_factor?, passkey_options, registration?, password_reset?];
    Ok([&sign_ins[..], &fixed].concat())
}

fn of_route(
    rate: &RateLimit,
    (limit_key, limit): (&str, Option<u32>),
    (window_key, window): (&str, Option<u64>),
    findings: &mut Findings,
) -> Result<Quota, QuotaError> {
    let default = rate.quota();
    let limit = findings.within(limit_key, limit, default.limit().get(), 1..=MAX_SLIDING_LIMIT);
    let window = seconds(window_key, window, default.window().as_secs(), findings);
    Quota::sliding(default.name(), limit, window)
}

/// Started sign-ins with a passkey: as many for each sign-in as by default.
fn passkey_options(sign_in: Quota) -> Result<Quota, QuotaError> {
    let default = PASSKEY_OPTIONS.quota();
    let for_each = default.limit().get() / SIGN_IN.quota().limit().get();
    let limit = sign_in.limit().get().saturating_mul(for_each).min(MAX_SLIDING_LIMIT);
    Quota::sliding(default.name(), limit, sign_in.window())
}

fn seconds(key: &str, value: Option<u64>, default: u64, findings: &mut Findings) -> Duration {
    const WEEK: u64 = 7 * 24 * 60 * 60;
    Duration::from_secs(findings.within(key, value, default, 1..=WEEK))
}
