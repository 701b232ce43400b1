//! `api-key rotate`: replaces a key and prints its successor once.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use portcullis_domain::ApiKeyId;

use super::create::PrintedApiKey;
use super::owner::{Owner, refused};
use crate::command::user::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;

/// The key to replace.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    owner: Name,
    /// The id, as `api-key list` prints it
    id: ApiKeyId,
    /// The hours for which the replaced key stays valid, 0 to 720 [default: 24]
    #[arg(long)]
    overlap_hours: Option<u16>,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let owner = Owner::open(config, &arguments.owner, "api-key rotate")?;
    let overlap = arguments.overlap_hours.map(|hours| HOUR * u32::from(hours));
    let rotated =
        owner.keys.rotate(owner.authority(), None, arguments.id, overlap).map_err(refused)?;
    output.answer(&PrintedApiKey::from(rotated))?;
    Ok(ExitCode::SUCCESS)
}
