//! `man-pages`: writes the manual, a page for each command.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;

/// The directory.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The directory for the pages, such as /usr/local/share/man/man1; it is created if it does not exist
    directory: PathBuf,
}

pub(crate) fn run(
    arguments: &Arguments,
    command: Command,
    output: Output,
) -> Result<ExitCode, Failure> {
    let directory = &arguments.directory;
    write(command, directory).map_err(|error| {
        let problem = format!("cannot write to {}: {error}", directory.display());
        Failure::failed(problem, "name a directory that you can write to")
    })?;
    output.answer(&Written { directory: directory.clone() })?;
    Ok(ExitCode::SUCCESS)
}

fn write(command: Command, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command, directory)
}

#[derive(Serialize)]
struct Written {
    directory: PathBuf,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wrote the pages of the manual to {}", self.directory.display())
    }
}
