//! A matrix named on the command line, by a file or by the number of a version.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use portcullis_access::{Matrix, MatrixFaults};

use super::versions::Versions;
use crate::config::LoadedConfig;
use crate::failure::Failure;

/// A matrix named on the command line. A file whose name is a number is written `./3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MatrixSource {
    /// In a file.
    File(PathBuf),
    /// In the database, under this number.
    Version(u32),
}

impl FromStr for MatrixSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let number = text.strip_prefix('v').unwrap_or(text);
        Ok(number.parse().map_or_else(|_| Self::File(text.into()), Self::Version))
    }
}

impl fmt::Display for MatrixSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Version(number) => write!(f, "version {number}"),
        }
    }
}

impl MatrixSource {
    /// The text of the matrix. Configuration and database are read only for a version.
    pub(super) fn text_alone(&self, loaded: LoadedConfig) -> Result<String, Failure> {
        match self {
            Self::File(path) => read(path),
            Self::Version(number) => Versions::open(loaded)?.text(*number),
        }
    }

    /// The text of the matrix.
    pub(super) fn text(&self, versions: &Versions) -> Result<String, Failure> {
        match self {
            Self::File(path) => read(path),
            Self::Version(number) => versions.text(*number),
        }
    }

    /// The matrix of this text, which is that of [`MatrixSource::text`].
    pub(super) fn parse(&self, text: &str) -> Result<Matrix, Failure> {
        Matrix::parse(text).map_err(|faults| faulty(&self.to_string(), &faults))
    }
}

/// The content of a matrix file.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        let problem = format!("cannot read {}: {error}", path.display());
        Failure::failed(problem, "name a readable matrix file in UTF-8, or a version by its number")
    })
}

/// The failure for a matrix with these faults.
pub(super) fn faulty(name: &str, faults: &MatrixFaults) -> Failure {
    let mut problems: Vec<_> =
        faults.faults().iter().map(|fault| format!("{name}, {fault}")).collect();
    if faults.left_out() > 0 {
        problems.push(format!("and {} more", faults.left_out()));
    }
    Failure::Failed { problems, remedy: "nothing was changed; fix these faults".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_versions_and_all_else_are_files() {
        for text in ["3", "v3"] {
            assert_eq!(text.parse(), Ok(MatrixSource::Version(3)), "{text}");
        }
        for text in ["./3", "matrix.toml", "vv3", "3.toml", "v"] {
            assert_eq!(text.parse(), Ok(MatrixSource::File(text.into())), "{text}");
        }
    }
}
