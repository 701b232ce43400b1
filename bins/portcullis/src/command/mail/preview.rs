//! `mail preview`: writes every mail with sample values into files.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;

/// The directory for the files.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The directory for the files; it is created if it does not exist
    directory: PathBuf,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let Some(templates) = &config.mail.templates else {
        return Err(Failure::failed("the templates have a fault", "run `portcullis config check`"));
    };
    let directory = &arguments.directory;
    fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
    let mut files = Vec::new();
    for preview in templates.preview(&config.mail.delivery.lifetimes) {
        let text = format!("Subject: {}\n\n{}", preview.subject, preview.text);
        for (extension, content) in [("txt", &text), ("html", &preview.html)] {
            let path = directory.join(format!("{}.{extension}", preview.kind));
            write(&path, content).map_err(|error| unwritable(&path, &error))?;
            files.push(path);
        }
    }
    output.answer(&Written { files })?;
    Ok(ExitCode::SUCCESS)
}

/// Replaces the file. A symbolic link in its place is removed and never followed: another user of the machine
/// may have made it.
fn write(path: &Path, content: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().write(true).create_new(true).open(path)?.write_all(content.as_bytes())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let problem = format!("cannot write {}: {error}", path.display());
    Failure::failed(problem, "name a directory that you may write to")
}

#[derive(Serialize)]
struct Written {
    files: Vec<PathBuf>,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{}", file.display())?;
        }
        write!(f, "{} files", self.files.len())
    }
}
