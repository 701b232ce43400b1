//! `policy check`: reports every fault of a matrix by line, every objection of this server, and the roles that
//! accounts would lose; or a summary with notes.

use std::collections::BTreeSet;
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
    let (name, text, versions) = if let Some(path) = &arguments.file {
        // A file is checked beside a broken configuration, too.
        (path.display().to_string(), named::read(path)?, Versions::open(loaded))
    } else {
        let versions = Versions::open(loaded)?;
        (versions.name(), versions.text_in_force()?, Ok(versions))
    };
    let status = MatrixStatus::of(&text);
    let accounts = match status.matrix() {
        Some(matrix) => Accounts::under(matrix, versions)?,
        None => Accounts::NotCompared(None),
    };
    let report = Report { name, status, accounts };
    output.answer(&report)?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Report {
    name: String,
    status: MatrixStatus,
    accounts: Accounts,
}

impl Report {
    fn is_sound(&self) -> bool {
        matches!(self.status, MatrixStatus::Sound { .. })
            && !matches!(self.accounts, Accounts::Lacking { .. })
    }
}

/// The accounts of the database under the matrix.
enum Accounts {
    /// Every account has a role of the matrix.
    Fit,
    /// These roles of accounts are not in it.
    Lacking { roles: BTreeSet<String>, count: u64 },
    /// There is no database yet, or it cannot be read for this reason.
    NotCompared(Option<String>),
}

impl Accounts {
    fn under(matrix: &Matrix, versions: Result<Versions, Failure>) -> Result<Self, Failure> {
        let versions = match versions {
            Ok(versions) => versions,
            Err(failure) => return Ok(Self::NotCompared(Some(failure.to_string()))),
        };
        if !versions.has_database() {
            return Ok(Self::NotCompared(None));
        }
        let (accounts, count) = versions.matrices()?.accounts_beyond(matrix, MAX_READ)?;
        let roles: BTreeSet<_> = accounts.iter().map(|it| it.role.to_string()).collect();
        Ok(if roles.is_empty() { Self::Fit } else { Self::Lacking { roles, count } })
    }
}

/// The maximum of accounts whose roles are listed.
const MAX_READ: u32 = 10_000;

enum MatrixStatus {
    Sound {
        matrix: Matrix,
        notes: Vec<Note>,
    },
    /// A valid document that this server cannot use.
    Unusable {
        matrix: Matrix,
        objections: Vec<String>,
    },
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
        let objections = ActiveMatrix::objections(&matrix);
        if objections.is_empty() {
            return Self::Sound { notes: matrix.notes(), matrix };
        }
        let objections = objections.iter().map(ToString::to_string).collect();
        Self::Unusable { matrix, objections }
    }

    const fn matrix(&self) -> Option<&Matrix> {
        match self {
            Self::Sound { matrix, .. } | Self::Unusable { matrix, .. } => Some(matrix),
            Self::Faulty { .. } => None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, status, accounts } = self;
        match accounts {
            Accounts::Lacking { roles, count } => {
                let roles = roles.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                writeln!(
                    f,
                    "FAULT: accounts have roles that the matrix lacks: {roles}; number of accounts: {count}"
                )?;
                if matches!(status, MatrixStatus::Sound { .. }) {
                    return write!(f, "{name} can be activated with `--map ROLE=ROLE` for each");
                }
            }
            Accounts::NotCompared(Some(reason)) => {
                writeln!(f, "note: not compared with the roles of accounts: {reason}")?;
            }
            Accounts::Fit | Accounts::NotCompared(_) => {}
        }
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
            MatrixStatus::Unusable { objections, .. } => {
                objections.iter().try_for_each(|objection| writeln!(f, "FAULT: {objection}"))?;
                write!(f, "{name} cannot be activated")
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
        let (mut faults, left_out): (Vec<Value>, _) = match &self.status {
            MatrixStatus::Sound { .. } => (Vec::new(), 0),
            MatrixStatus::Unusable { objections, .. } => {
                (objections.iter().map(|text| fault(None, "unfit", text)).collect(), 0)
            }
            MatrixStatus::Faulty { faults, left_out } => {
                let one = |it: &Fault| fault(Some(it.line), it.code.as_str(), &it.message);
                (faults.iter().map(one).collect(), *left_out)
            }
        };
        if let Accounts::Lacking { roles, .. } = &self.accounts {
            faults.extend(roles.iter().map(|role| fault(None, "role_in_use", role)));
        }
        let is_compared = !matches!(self.accounts, Accounts::NotCompared(_));
        let mut report = json!({
            "ok": self.is_sound(), "matrix": self.name, "faults": faults, "faults_left_out": left_out,
            "accounts_compared": is_compared,
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
