//! Measures the time of one password hash on this machine.

use std::time::Duration;

use super::check::Check;
use crate::config::LoadedConfig;
use crate::hash_time;

const NAME: &str = "hashing";

/// The time above which a sign-in is slow for its user.
const SLOW: Duration = Duration::from_millis(500);

/// The time below which twice the memory would still be fast enough.
const FAST: Duration = Duration::from_millis(50);

pub(super) fn check(loaded: &LoadedConfig) -> Check {
    let Some(config) = loaded.partly(&["passwords"]) else {
        return Check::skipped_for_faults(NAME);
    };
    let params = &config.argon2;
    let Some(time) = hash_time::median(params) else {
        let remedy = "lower passwords.memory_kib, or give the machine more memory";
        return Check::failed(NAME, "a password could not be hashed", remedy);
    };
    let threads = config.hashing.threads;
    let millis = time.as_secs_f64() * 1000.0;
    let rate = f64::from(u32::try_from(threads).unwrap_or(u32::MAX)) / time.as_secs_f64();
    let detail = format!(
        "{millis:.1} ms for a password ({} KiB, {} iterations); {threads} threads check about \
         {rate:.0} a second",
        params.memory_kib(),
        params.iterations(),
    );
    if time > SLOW {
        return Check::warning(NAME, detail, "lower passwords.memory_kib or passwords.iterations");
    }
    if time < FAST {
        let more = params.memory_kib().saturating_mul(2);
        let detail = format!("{detail}; passwords.memory_kib = {more} would double both costs");
        return Check::ok(NAME, detail);
    }
    Check::ok(NAME, detail)
}
