//! `policy check`: reports every fault of a matrix by line, or a summary with notes.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use portcullis_access::{Fault, Matrix, Note};
use portcullis_audit::Fingerprint;
use portcullis_flows::access::matrix::ActiveMatrix;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::named;
use super::versions::Versions;
use crate::config::LoadedConfig;
use crate::failure::Failure;
use crate::output::Output;

/// The matrix to check.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file [default: the version in force; the configured file before the first start]
    file: Option<PathBuf>,
}

/// Exits with 1 when the matrix has a fault.
pub(super) fn run(
    loaded: LoadedConfig,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let (name, text) = if let Some(path) = &arguments.file {
        (path.display().to_string(), named::read(path)?)
    } else {
        let versions = Versions::open(loaded)?;
        (versions.name(), versions.text_in_force()?)
    };
    let report = Report { name, status: MatrixStatus::of(&text) };
    output.answer(&report)?;
    let is_sound = matches!(report.status, MatrixStatus::Sound { .. });
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Report {
    name: String,
    status: MatrixStatus,
}

enum MatrixStatus {
    Sound {
        matrix: Matrix,
        notes: Vec<Note>,
    },
    /// A valid document that this server cannot use.
    UnusableMatrix(String),
    Faulty {
        faults: Vec<Fault>,
        left_out: usize,
    },
}

impl MatrixStatus {
    fn of(text: &str) -> Self {
        let matrix = match Matrix::parse(text) {
            Ok(matrix) => matrix,
            Err(faults) => {
                let left_out = faults.left_out();
                return Self::Faulty { faults: faults.faults().to_vec(), left_out };
            }
        };
        match ActiveMatrix::new(matrix.clone()) {
            Ok(_) => Self::Sound { notes: matrix.notes(), matrix },
            Err(unfit) => Self::UnusableMatrix(unfit.to_string()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, status } = self;
        match status {
            MatrixStatus::Sound { matrix, notes } => {
                for Note { line, message } in notes {
                    writeln!(f, "note: line {line}: {message}")?;
                }
                let (roles, resources) = (matrix.roles().len(), matrix.resources().len());
                let actions = matrix.actions().len();
                let registered = matrix.self_registration_role().unwrap_or_default();
                write!(
                    f,
                    "{name} is valid: {roles} roles, {resources} resources, {actions} actions; \
                     an account that registers gets the role {registered}; digest {}",
                    digest(matrix)
                )
            }
            MatrixStatus::UnusableMatrix(unfit) => {
                write!(f, "FAULT: {unfit}\n{name} cannot be activated")
            }
            MatrixStatus::Faulty { faults, left_out } => {
                faults.iter().try_for_each(|fault| writeln!(f, "FAULT: {fault}"))?;
                match faults.len() + left_out {
                    1 => write!(f, "{name} has one fault"),
                    count => write!(f, "{name} has {count} faults"),
                }
            }
        }
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fault = |line: Option<usize>, code: &str, message: &str| json!({ "line": line, "code": code, "message": message });
        let (ok, faults, left_out): (_, Vec<Value>, _) = match &self.status {
            MatrixStatus::Sound { .. } => (true, Vec::new(), 0),
            MatrixStatus::UnusableMatrix(unfit) => (false, vec![fault(None, "unfit", unfit)], 0),
            MatrixStatus::Faulty { faults, left_out } => {
                let one = |it: &Fault| fault(Some(it.line), it.code.as_str(), &it.message);
                (false, faults.iter().map(one).collect(), *left_out)
            }
        };
        let mut report = json!({
            "ok": ok, "matrix": self.name, "faults": faults, "faults_left_out": left_out,
        });
        if let (MatrixStatus::Sound { matrix, notes }, Some(report)) =
            (&self.status, report.as_object_mut())
        {
            let note = |note: &Note| json!({ "line": note.line, "message": note.message });
            report.insert("notes".to_owned(), notes.iter().map(note).collect());
            report.insert("roles".to_owned(), matrix.roles().collect());
            report.insert("resources".to_owned(), matrix.resources().collect());
            report.insert("actions".to_owned(), matrix.actions().collect());
            let registered = matrix.self_registration_role();
            report.insert("self_registration_role".to_owned(), registered.into());
            report.insert("digest".to_owned(), digest(matrix).to_string().into());
        }
        report.serialize(serializer)
    }
}

fn digest(matrix: &Matrix) -> Fingerprint {
    Fingerprint::from_bytes(matrix.digest())
}
