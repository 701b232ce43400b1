//! `user import`: creates accounts from a CSV file of any size, with hashes of another system.
//!
//! The file is read line by line and stored in batches, so memory does not grow with it. A line with an
//! error is reported and skipped. A second run skips the accounts that are stored already, so an import
//! can be stopped, corrected and repeated.

mod columns;
mod importer;
mod lines;
mod row_error;
mod tally;

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use columns::Columns;
use importer::Importer;
use lines::Lines;
use row_error::{RowProblem, SkippedLine};

use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening, progress};

/// The accounts to import.
#[derive(Debug, Args)]
#[command(after_help = "\
The first line names the columns: username, email and password_hash; display_name and role are optional. \
Each further line is one account. Hashes are bcrypt (2a, 2b, 2y) or Argon2id in PHC form.

Lines with errors are reported and skipped. Correct these lines and run the same command again: it \
skips accounts that exist.")]
pub(crate) struct Arguments {
    /// The CSV file, in UTF-8
    file: PathBuf,
    /// Accounts in one transaction
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch: u16,
}

/// Exits with 1 when a line was skipped for an error.
pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let unreadable = |error| {
        let problem = format!("cannot read {}: {error}", arguments.file.display());
        Failure::failed(problem, "name a readable CSV file")
    };
    let file = File::open(&arguments.file).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let mut lines = Lines::new(BufReader::new(file));
    let columns = read_header(&mut lines, &arguments.file)?;

    let operator = operator("user import");
    let (store, matrices) = opening::started(config, &operator)?;
    let candidates = assembly::identity::checker(config)?;
    let provisioning = assembly::identity::provisioning(&store, candidates, &matrices, config);
    let matrix = matrices.active().load();
    let mut importer = Importer::new(provisioning, store, matrix, usize::from(arguments.batch));

    let progress = progress::of_bytes(size, output);
    let report = |bad: Vec<SkippedLine>| {
        progress.suspend(|| bad.iter().for_each(|line| output.remark(line)));
    };
    while let Some(line) = lines.next() {
        let line = line.map_err(unreadable)?;
        let row = line.text.map_err(RowProblem::Line).and_then(|text| columns.row(&text));
        report(importer.take(line.number, row)?);
        progress.set_position(lines.bytes());
    }
    report(importer.finish()?);
    progress.finish_and_clear();
    let tally = importer.tally();
    output.answer(&tally)?;
    Ok(if tally.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_header(lines: &mut Lines<BufReader<File>>, path: &Path) -> Result<Columns, Failure> {
    const REMEDY: &str = "begin the file with the line \
                          username,email,display_name,role,password_hash (display_name and role \
                          are optional)";
    let wrong = |problem: &dyn fmt::Display| {
        Failure::failed(format!("{}: {problem}", path.display()), REMEDY)
    };
    let line = lines.next().ok_or_else(|| wrong(&"the file is empty"))?;
    let text = line.map_err(|error| wrong(&error))?.text.map_err(|error| wrong(&error))?;
    Columns::parse(&text).map_err(|error| wrong(&error))
}
