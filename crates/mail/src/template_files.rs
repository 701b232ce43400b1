//! The files of templates: the built-in ones, and those of the configured directory, with their faults.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use portcullis_domain::open_regular_file;
use portcullis_flows::node::mail::Mail;

/// The name of the file of texts.
pub(crate) const STRINGS: &str = "strings.toml";

/// The built-in layouts.
pub(crate) const BUILT_IN: [(&str, &str); 2] = [
    ("mail.txt", include_str!("../templates/mail.txt")),
    ("mail.html", include_str!("../templates/mail.html")),
];

/// The maximum size of a file.
const MAX_FILE: u64 = 64 * 1024;

/// A fault of a file of the directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct TemplateFault {
    /// The name of the file.
    pub file: String,
    /// The problem.
    pub problem: String,
}

/// The files of a directory.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) strings: Option<String>,
    /// Names and contents of layouts.
    pub(crate) layouts: Vec<(String, String)>,
}

impl Files {
    /// Reads the directory. A file with another name is a fault, because a misspelt one would have no
    /// effect.
    pub(crate) fn read(directory: &Path, faults: &mut Vec<TemplateFault>) -> Self {
        let mut files = Self::default();
        let names = match names(directory) {
            Ok(names) => names,
            Err(error) => {
                let file = "the directory".to_owned();
                faults.push(TemplateFault { file, problem: error.to_string() });
                return files;
            }
        };
        for name in names {
            match content(directory, &name) {
                Ok(text) if name == STRINGS => files.strings = Some(text),
                Ok(text) => files.layouts.push((name, text)),
                Err(problem) => faults.push(TemplateFault { file: name, problem }),
            }
        }
        files
    }
}

/// The visible files, in order.
fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn content(directory: &Path, name: &str) -> Result<String, String> {
    if !is_known(name) {
        return Err("is not the name of a template".to_owned());
    }
    let path = directory.join(name);
    let mut file = open_regular_file(&path).map_err(|error| error.to_string())?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    if size > MAX_FILE {
        return Err(format!("is larger than {MAX_FILE} bytes"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn is_known(name: &str) -> bool {
    let Some((stem, "txt" | "html")) = name.rsplit_once('.') else { return name == STRINGS };
    stem == "mail" || Mail::samples().iter().any(|mail| mail.kind() == stem)
}
