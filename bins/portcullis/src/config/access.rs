//! The section `access`: the access matrix that the first start activates.
//!
//! After that the version in force is in the database. A changed file has no effect until it is activated.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_access::Matrix;
use portcullis_audit::Fingerprint;
use portcullis_domain::open_regular_file;
use portcullis_flows::access::matrix::{ActiveMatrix, MatrixInForce};

use super::finding::Findings;
use super::raw;

/// The checked section.
#[derive(Clone, Debug)]
pub struct MatrixFile {
    /// The configured file; `None` for the built-in matrix.
    pub path: Option<PathBuf>,
    /// The text of the matrix.
    pub text: String,
    digest: Fingerprint,
    /// The matrix for decisions: this one, until a version from the database replaces it.
    pub active: Arc<ActiveMatrix>,
}

const KEY: &str = "access.matrix";

/// The built-in matrix.
pub(crate) const BUILT_IN: &str = include_str!("../../config/access_matrix.toml");

impl MatrixFile {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and every start reads it")]
    pub(crate) fn check(raw: raw::Access, findings: &mut Findings) -> Self {
        let read = raw.matrix.as_deref().and_then(|path| read(path, findings));
        let checked = read.and_then(|text| Some((active(&text, findings)?, text)));
        let (active, text) = checked.unwrap_or_else(|| {
            let active = active(BUILT_IN, findings).expect("the built-in matrix is valid");
            (active, BUILT_IN.to_owned())
        });
        let digest = Fingerprint::from_bytes(active.load().matrix.digest());
        Self { path: raw.matrix, text, digest, active: Arc::new(active) }
    }

    /// The problem and the remedy when the configured file is not the matrix in force.
    pub(crate) fn difference(&self, in_force: &MatrixInForce) -> Option<(String, String)> {
        let path = self.path.as_ref()?.display();
        if self.digest == Fingerprint::from_bytes(in_force.matrix.digest()) {
            return None;
        }
        let problem = format!("version {} is in force, which is not {path}", in_force.version);
        Some((problem, format!("`portcullis policy activate {path}` puts the file in force")))
    }

    /// The name of the matrix, for messages.
    pub(crate) fn name(&self) -> String {
        let built_in = || "the built-in matrix".to_owned();
        self.path.as_ref().map_or_else(built_in, |path| path.display().to_string())
    }
}

fn read(path: &Path, findings: &mut Findings) -> Option<String> {
    let mut text = String::new();
    let read = open_regular_file(path).and_then(|mut file| file.read_to_string(&mut text));
    if let Err(error) = read {
        let problem = format!("names a file that cannot be read: {error}");
        findings.fault(KEY, problem, "name a readable matrix file in UTF-8");
        return None;
    }
    Some(text)
}

fn active(text: &str, findings: &mut Findings) -> Option<ActiveMatrix> {
    const REMEDY: &str = "fix the file there, then run `portcullis policy check FILE`";
    let faults = match Matrix::parse(text) {
        Ok(matrix) => {
            let active = ActiveMatrix::new(matrix);
            return active.map_err(|unfit| findings.fault(KEY, unfit.to_string(), REMEDY)).ok();
        }
        Err(faults) => faults,
    };
    for fault in faults.faults() {
        findings.fault(KEY, format!("has a fault in {fault}"), REMEDY);
    }
    if faults.left_out() > 0 {
        findings.fault(KEY, format!("has {} more faults", faults.left_out()), REMEDY);
    }
    None
}
