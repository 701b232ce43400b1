//! `breach-filter show`: checks and measures a filter file.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use portcullis_domain::SystemRandom;
use portcullis_password::BreachFilter;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;

/// The arguments of `breach-filter show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The filter file
    file: PathBuf,
    /// Random passwords that are looked up in each of the 4,096 parts of the file
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    tries: u32,
}

/// The answer.
#[derive(Serialize)]
struct FilterOutput {
    file: PathBuf,
    entries: u64,
    false_positive_rate: f64,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode, Failure> {
    let Arguments { file, tries } = arguments;
    let measured = BreachFilter::open(file).and_then(|filter| {
        let false_positive_rate = filter.false_positives(*tries, &SystemRandom)?;
        Ok(FilterOutput { file: file.clone(), entries: filter.entries(), false_positive_rate })
    });
    let answer = measured.map_err(|error| {
        let problem = format!("{} is no usable filter file: {error}", file.display());
        Failure::failed(problem, "make it again by `portcullis breach-filter build`")
    })?;
    output.answer(&answer)?;
    Ok(ExitCode::SUCCESS)
}

impl fmt::Display for FilterOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, entries, false_positive_rate } = self;
        let (path, rate) = (file.display(), false_positive_rate * 1_000_000.0);
        write!(f, "{path}: {entries} passwords; it refuses {rate:.1} of 1,000,000 others")
    }
}
