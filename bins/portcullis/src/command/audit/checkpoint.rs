//! `audit checkpoint`: writes a signed checkpoint of the audit log, to be kept on another machine.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{fmt, io};

use clap::Args;
use portcullis_domain::{Ambient, Timestamp};
use serde::Serialize;

use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::operator::local_origin;
use crate::output::Output;
use crate::{assembly, destination, opening};

/// The output of the checkpoint.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write the checkpoint to this file [default: standard output]
    #[arg(long)]
    output: Option<PathBuf>,
}

pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let path = arguments.output.as_deref();
    let (config, _) = loaded.sound()?;
    let origin = local_origin("audit checkpoint");
    let (store, secret) = opening::needed_store(&config, &origin)?;
    let checkpoints = assembly::audit::checkpoints(&store, &config, &secret, &Ambient::system());
    let made = checkpoints.make(Duration::ZERO)?;
    // Without new entries the latest checkpoint covers everything.
    let checkpoint = made.map_or_else(|| checkpoints.find(None), |made| Ok(Some(made)))?;
    let checkpoint = checkpoint.ok_or_else(|| {
        Failure::failed("the audit log has no entry yet", "start the server first")
    })?;
    let file = checkpoint.to_file();
    let written: io::Result<()> = destination::write(path, |to| to.write_all(file.as_bytes()));
    written.map_err(|error| {
        Failure::failed(format!("cannot write the checkpoint: {error}"), "name another file")
    })?;
    if let Some(path) = path {
        let (number, at) = (checkpoint.number(), checkpoint.at());
        output.answer(&CheckpointOutput { checkpoint: number, at, output: path.to_owned() })?;
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct CheckpointOutput {
    checkpoint: u64,
    at: Timestamp,
    output: PathBuf,
}

impl fmt::Display for CheckpointOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checkpoint, at, output } = self;
        write!(
            f,
            "Checkpoint {checkpoint} of {at} is in {}. Keep it on another machine, out of reach of \
             every user with write access to the database.",
            output.display()
        )
    }
}
