//! Errors of decisions and of the access matrix.

use std::borrow::Cow;

use portcullis_access::{FaultCode, MatrixFaults};
use portcullis_domain::Role;
use portcullis_flows::access::decision::DecisionError;
use portcullis_flows::access::matrix::MatrixError;
use portcullis_flows::audit::recording::NotRecorded;

use super::{Code, FieldProblem, Problem};

impl From<DecisionError> for Problem {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::NotOnBehalf(decision) => Self::forbidden(decision),
            DecisionError::NoAccount => Self::new(Code::NotAuthenticated),
            DecisionError::NotRecorded(NotRecorded::NoRoom) => Self::busy(),
            DecisionError::NotRecorded(error) => {
                tracing::debug!(%error, "refused what cannot be recorded");
                Self::unavailable()
            }
            DecisionError::Store(error) => error.into(),
        }
    }
}

impl From<MatrixError> for Problem {
    fn from(error: MatrixError) -> Self {
        match error {
            MatrixError::Faults(faults) => faults.into(),
            MatrixError::UnusableMatrix(unfit) => {
                Self::new(Code::MatrixUnfit).detail(format!("Not fit: {unfit}."))
            }
            MatrixError::UnknownVersion(version) => {
                Self::new(Code::NotFound).detail(format!("There is no version {version}."))
            }
            MatrixError::Escalation(escalation) => {
                Self::new(Code::MatrixAboveOwnRole).detail(format!("Under it {escalation}."))
            }
            MatrixError::NothingBefore => Self::new(Code::NothingToRollBack),
            MatrixError::Superseded => Self::new(Code::MatrixSuperseded),
            MatrixError::CallerChanged => Self::new(Code::InvalidToken),
            MatrixError::RolesInUse(roles) => {
                let roles: Vec<&str> = roles.iter().map(Role::as_str).collect();
                let detail = format!("Accounts have the roles {}.", roles.join(", "));
                Self::new(Code::RolesInUse).detail(detail)
            }
            MatrixError::InvalidMove(invalid) => {
                Self::new(Code::MatrixUnfit).detail(format!("Not fit: {invalid}."))
            }
            MatrixError::RoleJustChanged => Self::new(Code::RoleJustChanged),
            MatrixError::Cancelled => Self::unavailable(),
            MatrixError::AuditLog(error) => error.into(),
            MatrixError::Store(error) => error.into(),
        }
    }
}

impl From<MatrixFaults> for Problem {
    fn from(faults: MatrixFaults) -> Self {
        let mut problem = Self::new(Code::MatrixFaults);
        if faults.left_out() > 0 {
            problem = problem.detail(format!(
                "Mend the lines that `errors` names; {} more faults are not shown.",
                faults.left_out()
            ));
        }
        for fault in faults.faults() {
            let message = match fault.code {
                // The message of the parser is replaced by our own words.
                FaultCode::Syntax => "from here on the file is not TOML".into(),
                _ => Cow::Owned(fault.message.clone()),
            };
            problem = problem.field(FieldProblem {
                line: Some(fault.line),
                ..FieldProblem::new("text".to_owned(), fault.code.as_str(), message)
            });
        }
        problem
    }
}
