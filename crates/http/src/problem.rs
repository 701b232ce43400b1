//! Every error of the surface, and the one place where errors of use cases become HTTP.
//!
//! Bodies are `application/problem+json` (RFC 9457) with a stable `code`. The outermost layer adds
//! the request id; see `stack.rs`.

mod code;
mod sparse;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use portcullis_access::{FaultCode, MatrixFaults};
use portcullis_audit::DecisionId;
use portcullis_domain::Role;
use portcullis_flows::StoreError;
use portcullis_flows::account_change::{ChangeError, Refusal};
use portcullis_flows::bootstrap::SetupError;
use portcullis_flows::candidate::{FieldError, RegistrationError};
use portcullis_flows::clock_watch::ClockOffset;
use portcullis_flows::decision::DecisionError;
use portcullis_flows::health::HealthError;
use portcullis_flows::matrix::MatrixError;
use portcullis_flows::password_change::PasswordChangeError;
use portcullis_flows::recording::NotRecorded;
use portcullis_flows::refresh::RefreshError;
use portcullis_flows::revocation::PageError;
use portcullis_flows::sign_in::SignInError;
use portcullis_flows::trail::TrailError;
use portcullis_password::HashingError;
use serde::Serialize;
use utoipa::ToSchema;

pub use self::code::Code;
use self::sparse::Sparse;
use crate::openapi::word;

/// One error on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: Option<Cow<'static, str>>,
    fields: Vec<FieldProblem>,
    decision: Option<DecisionId>,
    retry_after: Option<Duration>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// The field of the request.
    #[schema(example = "password")]
    field: String,
    /// The line of the field that is at fault, counted from 1, where the field is a file.
    #[schema(nullable = false, example = 12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// A stable word for the fault.
    #[schema(example = "too_short")]
    code: Cow<'static, str>,
    /// What to do about it.
    #[schema(example = "use at least 12 characters")]
    message: Cow<'static, str>,
}

impl FieldProblem {
    pub(crate) fn new(
        field: String,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field, line: None, code: Cow::Borrowed(code), message: message.into() }
    }
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self {
            field: error.field().to_owned(),
            line: None,
            code: Cow::Borrowed(error.code()),
            message: Cow::Owned(error.to_string()),
        }
    }
}

/// The body of every error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// A URN that names the kind of problem.
    #[schema(example = "urn:portcullis:problem:invalid_credentials")]
    r#type: String,
    /// The kind of problem in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What to do next.
    detail: &'a str,
    /// The stable code that programs decide by.
    #[schema(schema_with = word::problem_code)]
    code: &'static str,
    /// Names this request in the server's log.
    request_id: &'a str,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
    /// Names the decision by which this was refused; its reason is for auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "5f1c9a7e40d2b836-42")]
    decision_id: Option<DecisionId>,
}

impl Problem {
    pub(crate) const fn new(code: Code) -> Self {
        Self { code, detail: None, fields: Vec::new(), decision: None, retry_after: None }
    }

    /// The request does not have the form of the route, for these reasons.
    pub(crate) fn invalid(fields: Vec<FieldProblem>) -> Self {
        Self { fields, ..Self::new(Code::InvalidRequest) }
    }

    /// The matrix does not grant it. Why not is for auditors, who find it by the decision.
    pub(crate) fn forbidden(decision: DecisionId) -> Self {
        Self { decision: Some(decision), ..Self::new(Code::Forbidden) }
    }

    /// The database does not do its part at the moment.
    pub(crate) fn unavailable() -> Self {
        Self::new(Code::Unavailable).retry_after(DATABASE_PAUSE)
    }

    /// The database has not confirmed the commit.
    pub(crate) fn outcome_unknown() -> Self {
        Self::new(Code::OutcomeUnknown).retry_after(DATABASE_PAUSE)
    }

    /// Questions are larger than may be recorded.
    pub(crate) fn question_too_large(fields: Vec<FieldProblem>) -> Self {
        Self { fields, ..Self::new(Code::QuestionTooLarge) }
    }

    /// The caller, or all callers together, have as much of this under way as there may be.
    pub(crate) fn busy() -> Self {
        Self::new(Code::Busy).retry_after(BUSY_PAUSE)
    }

    /// This node has not heard of revocations for too long.
    pub(crate) fn revocations_stale() -> Self {
        Self::new(Code::RevocationsStale).retry_after(DATABASE_PAUSE)
    }

    /// The clock of this node is so far from that of the database.
    pub(crate) fn clock_off(offset: ClockOffset) -> Self {
        let detail = format!("The clock of this node is {offset} of that of the database.");
        Self::new(Code::ClockOff).detail(detail).retry_after(DATABASE_PAUSE)
    }

    /// This node takes no new work.
    pub(crate) fn stopping() -> Self {
        Self::new(Code::Stopping).retry_after(DATABASE_PAUSE)
    }

    /// The problem that a status set by the framework stands for.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        Self::new(match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::HeadTooLarge,
            status if status.is_client_error() => Code::MalformedRequest,
            _ => Code::Internal,
        })
    }

    pub(crate) fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    pub(crate) fn field(mut self, field: FieldProblem) -> Self {
        self.fields.push(field);
        self
    }

    fn fields(self, faults: Vec<FieldError>) -> Self {
        Self { fields: faults.into_iter().map(FieldProblem::from).collect(), ..self }
    }

    fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    pub(crate) fn body<'a>(&'a self, request_id: &'a str) -> ProblemBody<'a> {
        ProblemBody {
            r#type: format!("urn:portcullis:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: self.detail.as_deref().unwrap_or(self.code.advice()),
            code: self.code.as_str(),
            request_id,
            errors: &self.fields,
            decision_id: self.decision,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(wait) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, wait.as_secs().max(1)));
        }
        if let Some(challenge) = challenge(self.code) {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        response.finish()
    }
}

/// RFC 6750 section 3: no error code when the request carried no credential at all.
fn challenge(code: Code) -> Option<&'static str> {
    match code.status() {
        401 if code == Code::InvalidToken => {
            Some(r#"Bearer realm="portcullis", error="invalid_token""#)
        }
        401 if code == Code::SignInTooOld => Some(TOO_OLD),
        401 if code == Code::InvalidServiceCredential => {
            Some(r#"Basic realm="portcullis", Bearer realm="portcullis""#)
        }
        401 => Some(r#"Bearer realm="portcullis""#),
        _ => None,
    }
}

/// RFC 9470 section 3. The age is that of [`Recent`](crate::guard::Recent), in seconds.
const TOO_OLD: &str = concat!(
    r#"Bearer realm="portcullis", error="insufficient_user_authentication", "#,
    r#"error_description="A more recent sign-in is required", max_age=900"#
);

/// After so long some of what is under way may be done.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// After so long the database may be back.
const DATABASE_PAUSE: Duration = Duration::from_secs(2);

/// An outage fails every request; not each of them has something new to say.
static STORAGE_FAILURES: Sparse = Sparse::new();

impl From<HealthError> for Problem {
    fn from(error: HealthError) -> Self {
        match error {
            HealthError::Unreachable(_) => Self::unavailable(),
            HealthError::Unwritable(_) => {
                Self::unavailable().detail("The database takes no writes.")
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                if let Some(more) = STORAGE_FAILURES.turn() {
                    tracing::error!(%error, more, "storage failed");
                }
                Self::unavailable()
            }
            StoreError::OutcomeUnknown(_) => {
                if let Some(more) = STORAGE_FAILURES.turn() {
                    tracing::error!(%error, more, "storage failed");
                }
                Self::outcome_unknown()
            }
            StoreError::Corrupt { .. } => {
                tracing::error!(%error, "storage failed");
                Self::new(Code::Internal)
            }
        }
    }
}

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::NotOpen => Self::new(Code::RegistrationClosed),
            RegistrationError::Invalid(faults) => {
                Self::new(Code::UnacceptableAccount).fields(faults)
            }
            RegistrationError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            RegistrationError::UsernameTaken => Self::new(Code::UsernameTaken),
            RegistrationError::EmailTaken => Self::new(Code::EmailTaken),
            // Nothing was done, and in a moment this node will know the other matrix too.
            RegistrationError::Superseded => Self::unavailable(),
            RegistrationError::Hashing(error) => error.into(),
            RegistrationError::Store(error) => error.into(),
        }
    }
}

impl From<HashingError> for Problem {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Overloaded(overloaded) => {
                Self::new(Code::Overloaded).retry_after(overloaded.retry_after)
            }
            error => {
                tracing::error!(%error, "hashing failed");
                Self::new(Code::Internal)
            }
        }
    }
}

impl From<PasswordChangeError> for Problem {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::WrongPassword => Self::new(Code::WrongPassword),
            PasswordChangeError::SessionEnded => Self::new(Code::InvalidToken),
            PasswordChangeError::Invalid(faults) => {
                let mut problem = Self::new(Code::UnacceptablePassword).fields(faults);
                for fault in &mut problem.fields {
                    "new_password".clone_into(&mut fault.field);
                }
                problem
            }
            PasswordChangeError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            PasswordChangeError::Hashing(error) => error.into(),
            PasswordChangeError::Store(error) => error.into(),
        }
    }
}

impl From<SetupError> for Problem {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::InvalidToken => Self::new(Code::InvalidSetupToken),
            SetupError::Account(error) => error.into(),
            SetupError::Store(error) => error.into(),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => Self::new(Code::InvalidCredentials),
            SignInError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            SignInError::Overloaded(overloaded) => {
                Self::new(Code::Overloaded).retry_after(overloaded.retry_after)
            }
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Invalid => Self::new(Code::InvalidRefreshToken),
            RefreshError::Reused => Self::new(Code::RefreshTokenReused),
            RefreshError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown => Self::new(Code::NotFound),
            ChangeError::UnknownRole(roles) => {
                let message = format!("choose one of {}", roles.join(", "));
                Self::invalid(vec![FieldProblem::new("role".to_owned(), "unknown_role", message)])
            }
            ChangeError::Refused(Refusal::CallerChanged) => Self::new(Code::InvalidToken),
            ChangeError::Refused(Refusal::LastAdministrator) => Self::new(Code::LastAdministrator),
            ChangeError::Refused(Refusal::OwnAccount) => Self::new(Code::OwnAccount),
            ChangeError::Refused(Refusal::AboveOwnRole) => Self::new(Code::AboveOwnRole),
            ChangeError::Refused(Refusal::RoleJustChanged) => Self::new(Code::RoleJustChanged),
            ChangeError::Superseded => Self::new(Code::MatrixSuperseded),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Expired => Self::new(Code::CursorExpired),
            PageError::Store(error) => error.into(),
        }
    }
}

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

impl From<TrailError> for Problem {
    fn from(error: TrailError) -> Self {
        match error {
            TrailError::Damaged(error) => {
                tracing::error!(%error, "the audit trail is damaged; `audit verify` says where");
                Self::new(Code::Internal)
            }
            TrailError::TooLarge { from, until, bytes } => {
                let detail = format!(
                    "Search before {from} and after {until}: of that time is a block of {bytes} bytes."
                );
                Self::new(Code::BlockTooLarge).detail(detail)
            }
            TrailError::Store(error) => error.into(),
        }
    }
}

impl From<MatrixError> for Problem {
    fn from(error: MatrixError) -> Self {
        match error {
            MatrixError::Faults(faults) => faults.into(),
            MatrixError::Unfit(unfit) => {
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
            MatrixError::Trail(error) => error.into(),
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
                // What the parser says is in its words, not in ours.
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
