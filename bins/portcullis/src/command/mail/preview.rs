//! `mail preview`: writes every mail with sample values into files.

use std::fmt;
use std::fs;
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
    for preview in templates.preview() {
        let text = format!("Subject: {}\n\n{}", preview.subject, preview.text);
        for (extension, content) in [("txt", &text), ("html", &preview.html)] {
            let path = directory.join(format!("{}.{extension}", preview.kind));
            fs::write(&path, content).map_err(|error| unwritable(&path, &error))?;
            files.push(path);
        }
    }
    output.answer(&Written { files })?;
    Ok(ExitCode::SUCCESS)
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
