//! `api-key revoke`: revokes a key.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::ApiKeyId;
use serde::Serialize;

use super::owner::{Owner, refused};
use crate::command::user::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;

/// The key to revoke.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    owner: Name,
    /// The id, as `api-key list` prints it
    id: ApiKeyId,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let owner = Owner::open(config, &arguments.owner, "api-key revoke")?;
    owner.keys.revoke(owner.authority(), arguments.id).map_err(refused)?;
    output.answer(&Revoked { revoked: arguments.id })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Revoked {
    revoked: ApiKeyId,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The key {} is revoked. Running servers refuse it within a second.", self.revoked)
    }
}
