//! `completions`: prints the completions of a shell.

use std::fmt;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;

/// The shell.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell that completes the commands
    shell: Shell,
}

pub(crate) fn run(
    arguments: &Arguments,
    mut command: Command,
    output: Output,
) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "portcullis", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    output.answer(&Script { script })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Script {
    script: String,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.script)
    }
}
