//! `keys list`: lists every key pair, retired ones too, with its state.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::node::signing_key::{KeyState, SharedKeyState, SigningKeyRecord};
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;
use crate::{assembly, opening};

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    let (store, secret) = opening::unproved_store(config)?;
    let keys = assembly::node::signing_keys(&store, config, &secret, &Ambient::system());
    let shared = keys.shared_keys()?.into_iter().map(SharedKey::from).collect();
    let pairs = keys.list(config.tokens.algorithm)?.into_iter().map(Key::from).collect();
    let algorithm = config.tokens.algorithm.map_or("HS256", |algorithm| algorithm.name());
    output.answer(&KeyList { algorithm, keys: pairs, shared_secrets: shared })?;
    Ok(ExitCode::SUCCESS)
}

/// The keys, in the order in which they begin to sign.
#[derive(Serialize)]
struct KeyList {
    algorithm: &'static str,
    keys: Vec<Key>,
    shared_secrets: Vec<SharedKey>,
}

/// The HS256 shared secret.
#[derive(Serialize)]
struct SharedKey {
    kid: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_until: Option<Timestamp>,
}

impl From<(String, SharedKeyState)> for SharedKey {
    fn from((kid, state): (String, SharedKeyState)) -> Self {
        let accepted_until = match state {
            SharedKeyState::AcceptedUntil(until) => Some(until),
            SharedKeyState::Signing | SharedKeyState::Ended => None,
        };
        Self { kid, state: state.as_str(), accepted_until }
    }
}

impl fmt::Display for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kid, state, accepted_until } = self;
        write!(f, "The shared secret {kid} is {state}")?;
        match accepted_until {
            Some(until) => writeln!(f, " until {until}."),
            None => writeln!(f, "."),
        }
    }
}

#[derive(Serialize)]
struct Key {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    created_at: Timestamp,
    signs_from: Timestamp,
    retired_at: Option<Timestamp>,
}

impl From<(SigningKeyRecord, KeyState)> for Key {
    fn from((key, state): (SigningKeyRecord, KeyState)) -> Self {
        Self {
            kid: key.public.kid().to_owned(),
            algorithm: key.public.algorithm().name(),
            state: state.as_str(),
            created_at: key.created_at,
            signs_from: key.signs_from,
            retired_at: key.retired_at,
        }
    }
}

impl fmt::Display for KeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = ["kid", "algorithm", "state", "signs from", "retired at"].map(str::to_owned);
        let row = |key: &Key| {
            let retired_at = key.retired_at.map(|at| at.to_string());
            [
                key.kid.clone(),
                key.algorithm.to_owned(),
                key.state.to_owned(),
                key.signs_from.to_string(),
                retired_at.unwrap_or_default(),
            ]
        };
        if !self.keys.is_empty() {
            Table(std::iter::once(titles).chain(self.keys.iter().map(row)).collect()).fmt(f)?;
        }
        if self.keys.iter().any(|key| key.state == KeyState::Sealed.as_str()) {
            writeln!(f, "A sealed key was made under another SECRET_KEY and is not used.")?;
        }
        self.shared_secrets.iter().try_for_each(|shared| shared.fmt(f))?;
        match self.algorithm {
            "HS256" => write!(f, "Access tokens are signed with HS256 under the secret key."),
            name if self.keys.is_empty() => {
                write!(f, "There is no key yet; the first start makes one for {name}.")
            }
            name => write!(f, "Access tokens are signed with {name}."),
        }
    }
}
