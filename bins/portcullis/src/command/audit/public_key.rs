//! `audit public-key`: prints the public key that verifies checkpoints. An auditor must get the key and
//! the checkpoints by different ways.

use std::fmt;
use std::process::ExitCode;

use portcullis_audit::{CheckpointKey, Fingerprint};
use serde::Serialize;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;
use crate::{assembly, opening};

pub(super) fn run(loaded: &LoadedConfig, output: Output) -> Result<ExitCode, Failure> {
    let secret = opening::existing_secret(loaded)?;
    let public_key = assembly::audit::keys(&secret).checkpoint_key();
    output.answer(&PublicKey { public_key, fingerprint: public_key.fingerprint() })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct PublicKey {
    public_key: CheckpointKey,
    fingerprint: Fingerprint,
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { public_key, fingerprint } = self;
        write!(f, "Ed25519 key  {public_key}\nfingerprint  {fingerprint}")
    }
}
