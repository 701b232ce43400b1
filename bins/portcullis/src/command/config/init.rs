//! `config init`: writes a commented configuration and an access matrix to begin with.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::config::SAMPLE;
use crate::failure::Failure;
use crate::output::Output;
use crate::{config, data_dir};

const SMALL: &str = include_str!("../../../config/access_matrix_small.toml");

/// The line of the sample that names the matrix.
const MATRIX_KEY: &str = "# matrix = \"access_matrix.toml\"";

/// The directory and the matrix.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis init --matrix small
  portcullis init /etc/portcullis --matrix default

Both files are new: an existing one is never replaced. Without --matrix the command asks on a terminal.")]
pub(crate) struct Arguments {
    /// The directory of both files
    #[arg(value_name = "DIRECTORY", default_value = ".")]
    directory: PathBuf,
    /// The access matrix to begin with
    #[arg(long)]
    matrix: Option<Start>,
}

/// The access matrix to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Start {
    /// The built-in matrix with eight roles of a hospital
    Default,
    /// Two roles, admin and member, to be extended
    Small,
}

pub(crate) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode, Failure> {
    let directory = fs::canonicalize(&arguments.directory).or_else(|error| match error.kind() {
        ErrorKind::NotFound => data_dir::ensure(&arguments.directory)
            .and_then(|()| fs::canonicalize(&arguments.directory)),
        _ => Err(error),
    });
    let directory = directory.map_err(|error| unwritten(&arguments.directory, &error))?;
    let matrix = match arguments.matrix {
        Some(matrix) => matrix,
        None => ask()?,
    };
    let text = match matrix {
        Start::Default => config::BUILT_IN_MATRIX,
        Start::Small => SMALL,
    };
    let [config_file, matrix_file] =
        ["portcullis.toml", "access_matrix.toml"].map(|name| directory.join(name));
    for path in [&config_file, &matrix_file] {
        if path.symlink_metadata().is_ok() {
            return Err(unwritten(path, &ErrorKind::AlreadyExists.into()));
        }
    }
    // A relative path is relative to the working directory of the server. The escapes of JSON are those of TOML.
    let named = format!("matrix = {}", serde_json::Value::from(matrix_file.display().to_string()));
    let sample = SAMPLE.replacen(MATRIX_KEY, &named, 1);
    for (path, text) in [(&matrix_file, text), (&config_file, sample.as_str())] {
        create(path, text).map_err(|error| unwritten(path, &error))?;
    }
    output.answer(&Report { config: config_file, matrix: matrix_file })?;
    Ok(ExitCode::SUCCESS)
}

/// Asks on the terminal.
fn ask() -> Result<Start, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("choose the access matrix: --matrix small or --matrix default"));
    }
    let unread = |error: io::Error| Failure::usage(format!("{error}; use --matrix"));
    let mut answer = String::new();
    loop {
        let mut terminal = io::stderr().lock();
        write!(terminal, "Access matrix: small (admin and member) or default (eight roles)? ")
            .and_then(|()| terminal.flush())
            .map_err(unread)?;
        answer.clear();
        if io::stdin().lock().read_line(&mut answer).map_err(unread)? == 0 {
            return Err(Failure::usage("no access matrix was chosen; use --matrix"));
        }
        if let Ok(start) = Start::from_str(answer.trim(), true) {
            return Ok(start);
        }
    }
}

/// Creates a file that its owner alone can write.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o640).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let remedy = "an existing file is never replaced; name another directory";
    Failure::failed(format!("cannot write {}: {error}", path.display()), remedy)
}

#[derive(Serialize)]
struct Report {
    config: PathBuf,
    matrix: PathBuf,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (config, matrix) = (self.config.display(), self.matrix.display());
        writeln!(f, "Wrote the configuration {config}")?;
        writeln!(f, "and the access matrix  {matrix}.\n")?;
        writeln!(f, "Check them:       portcullis --config {config} config check")?;
        writeln!(f, "                  portcullis policy check {matrix}")?;
        write!(f, "Start the server: portcullis --config {config}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_the_line_that_names_the_matrix() {
        assert_eq!(SAMPLE.matches(MATRIX_KEY).count(), 1);
    }
}
