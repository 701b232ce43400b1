//! Time of one password hash on this machine.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock, SystemRandom};
use portcullis_password::{Argon2Params, Hasher, Password, Scratch};
use portcullis_token::OpaqueSecret;

const ROUNDS: usize = 5;

/// The median time of several hashes, after one that allocates the memory.
pub(crate) fn median(params: &Argon2Params) -> Option<Duration> {
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
