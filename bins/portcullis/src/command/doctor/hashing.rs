//! Measures the time of one password hash on this machine.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock, SystemRandom};
use portcullis_password::{Argon2Params, Hasher, Password, Scratch};
use portcullis_token::OpaqueSecret;

use super::check::Check;
use crate::config::LoadedConfig;

const NAME: &str = "hashing";

/// The time above which a sign-in is slow for its user.
const SLOW: Duration = Duration::from_millis(500);

/// The time below which twice the memory would still be fast enough.
const FAST: Duration = Duration::from_millis(50);

const ROUNDS: usize = 5;

pub(super) fn check(loaded: &LoadedConfig) -> Check {
    let Some(config) = loaded.partly(&["passwords"]) else {
        return Check::skipped_for_faults(NAME);
    };
    let params = &config.argon2;
    let Some(time) = measure(params) else {
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

/// The median time of several hashes, after one that allocates the memory.
fn measure(params: &Argon2Params) -> Option<Duration> {
    let hasher = Hasher::new(params.clone(), &SystemRandom);
    let password = Password::parse(OpaqueSecret::mint(&SystemRandom).expose()).ok()?;
    let mut scratch = Scratch::default();
    let clock = SystemClock::new();
    hasher.hash(&password, &SystemRandom, &mut scratch).ok()?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = clock.monotonic();
        hasher.hash(&password, &SystemRandom, &mut scratch).ok()?;
        times.push(clock.monotonic().saturating_sub(begun));
    }
    times.sort();
    times.get(ROUNDS / 2).copied()
}
