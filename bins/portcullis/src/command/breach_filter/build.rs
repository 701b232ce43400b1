//! `breach-filter build`: makes a filter file from a list of breached passwords.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use portcullis_domain::{Clock, SystemClock};
use portcullis_password::{BreachFilterBuilder, BreachFilterError, BreachFilterSummary};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;
use crate::{destination, progress};

/// The arguments of `breach-filter build`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The list: a line for each password, its SHA-1 in hex digits with or without `:` and a count, in
    /// ascending order; `-` reads standard input
    list: PathBuf,
    /// The filter file
    #[arg(long, short)]
    output: PathBuf,
    /// Leave out passwords that were found fewer times
    #[arg(long, default_value_t = 1)]
    min_count: u64,
}

/// The answer.
#[derive(Serialize)]
struct BuildOutput {
    output: PathBuf,
    entries: u64,
    bytes: u64,
    seconds: f64,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode, Failure> {
    let clock = SystemClock::new();
    let begin = clock.monotonic();
    let built = destination::write(Some(&arguments.output), |to| {
        let mut builder = BreachFilterBuilder::new(to)?;
        if arguments.list.as_os_str() == "-" {
            builder.read(io::stdin().lock(), arguments.min_count)?;
        } else {
            let file = File::open(&arguments.list)?;
            let bar = progress::of_bytes(file.metadata()?.len(), output);
            builder.read(BufReader::new(bar.wrap_read(file)), arguments.min_count)?;
            bar.finish_and_clear();
        }
        builder.finish()
    });
    let BreachFilterSummary { entries, bytes } = built.map_err(|error: BreachFilterError| {
        let remedy = "take the list of Have I Been Pwned that is ordered by hash";
        Failure::failed(format!("no filter was made: {error}"), remedy)
    })?;
    let seconds = clock.monotonic().saturating_sub(begin).as_secs_f64();
    let path = arguments.output.clone();
    output.answer(&BuildOutput { output: path, entries, bytes, seconds })?;
    Ok(ExitCode::SUCCESS)
}

impl fmt::Display for BuildOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, entries, bytes, seconds } = self;
        let path = output.display();
        write!(f, "{path}: {entries} passwords, {bytes} bytes, made in {seconds:.1} s")
    }
}
