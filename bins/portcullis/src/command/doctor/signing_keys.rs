//! Checks that access tokens can be signed with the configured algorithm.

use portcullis_flows::StoreError;
use portcullis_flows::node::signing_key::{KeyState, SharedKeyState, SigningKeys};

use super::check::Check;
use crate::config::Config;

pub(super) const NAME: &str = "signing keys";

pub(super) fn check(keys: &SigningKeys, config: &Config) -> Check {
    read(keys, config).unwrap_or_else(|error| {
        Check::failed(
            NAME,
            error.to_string(),
            "run `portcullis keys rotate`, which makes a new key",
        )
    })
}

fn read(keys: &SigningKeys, config: &Config) -> Result<Check, StoreError> {
    let Some(algorithm) = config.tokens.algorithm else {
        return Ok(Check::ok(NAME, "access tokens are signed with HS256 under the secret key"));
    };
    let shared = keys.shared_keys()?;
    let (name, keys) = (algorithm.name(), keys.list(Some(algorithm))?);
    let in_state = |wanted| keys.iter().filter(move |(_, state)| *state == wanted);
    if let Some((key, _)) = in_state(KeyState::Signing).next() {
        let detail = format!("{} signs with {name}{}", key.public.kid(), accepted(&shared));
        return Ok(Check::ok(NAME, detail));
    }
    if in_state(KeyState::Sealed).next().is_some() {
        let detail = "every key is sealed under another secret key; the next start makes a new one";
        let remedy =
            "set SECRET_KEY_PREVIOUS to the previous secret, or all issued tokens become invalid";
        return Ok(Check::warning(NAME, detail, remedy));
    }
    Ok(Check::ok(NAME, format!("there is none yet; the first start makes one for {name}")))
}

/// The time until which tokens signed with the shared secret are accepted, if any.
fn accepted(shared: &[(String, SharedKeyState)]) -> String {
    let accepted = |(kid, state): &(String, SharedKeyState)| match state {
        SharedKeyState::Signing => {
            Some(format!("; the next start replaces the shared secret {kid}"))
        }
        SharedKeyState::AcceptedUntil(until) => {
            Some(format!("; the shared secret {kid} is accepted until {until}"))
        }
        SharedKeyState::Ended => None,
    };
    shared.iter().filter_map(accepted).collect()
}
