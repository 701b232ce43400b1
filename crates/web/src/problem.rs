//! Problem documents, and the mapping of use-case errors to HTTP: a file for each area. The
//! catalogue of codes with their statuses is `code.rs`.
//!
//! Bodies are `application/problem+json` (RFC 9457) with a stable `code`. The outermost layer adds
//! the request id; see `stack.rs`.

mod access;
mod audit;
mod code;
mod field_code;
mod identity;
mod machine;
mod node;
mod sign_in;
mod sparse;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use portcullis_audit::DecisionId;
use portcullis_domain::AssuranceLevel;
use portcullis_flows::identity::account_request::FieldError;
use portcullis_flows::node::clock_watch::ClockOffset;
use portcullis_rate_limit::States;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

pub use self::code::Code;
use crate::headers::add_rate_limits;

/// An error response.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Which one.
    pub code: Code,
    detail: Option<Cow<'static, str>>,
    fields: Vec<FieldProblem>,
    decision: Option<DecisionId>,
    retry_after: Option<Duration>,
    quotas: Option<Box<States>>,
    /// The assurance level that a step-up must reach.
    level: AssuranceLevel,
}

/// A fault of one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The path of the field in the request.
    #[schema(example = "password")]
    field: String,
    /// The line of the fault, counted from 1, if the field is a file.
    #[schema(nullable = false, example = 12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[schema(schema_with = field_code)]
    code: Cow<'static, str>,
    /// The advice for the client.
    #[schema(example = "use at least 12 characters")]
    message: Cow<'static, str>,
}

impl FieldProblem {
    /// A fault of a field, with its stable code and its advice.
    pub fn new(field: String, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field, line: None, code: Cow::Borrowed(code), message: message.into() }
    }

    /// The path of the field in the request.
    pub fn name(&self) -> &str {
        &self.field
    }

    /// The stable code of the fault.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The advice for the client.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The body of every error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// The URN of the kind of problem.
    #[schema(example = "urn:portcullis:problem:invalid_credentials")]
    r#type: String,
    /// The kind of problem, in words.
    #[schema(example = json!(Code::InvalidCredentials.title()))]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 401)]
    status: u16,
    /// The advice for the client.
    #[schema(example = json!(Code::InvalidCredentials.advice()))]
    detail: &'a str,
    /// The stable code, for programs.
    #[schema(schema_with = problem_code)]
    code: &'static str,
    /// The id of the request in the log of the server.
    #[schema(example = "5f1c9a7e40d2b836-2a")]
    request_id: &'a str,
    /// The id of the trace, if the request has the header `traceparent`.
    #[schema(value_type = Option<String>, nullable = false, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    /// The faults of single fields.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
    /// The id of the decision that refused the request; auditors can read its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "5f1c9a7e40d2b836-42")]
    decision_id: Option<DecisionId>,
}

/// The maximum number of faults in one answer: a short query could otherwise ask for a long answer.
pub(crate) const MAX_FIELD_PROBLEMS: usize = 256;

impl Problem {
    /// The error with this code.
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            fields: Vec::new(),
            decision: None,
            retry_after: None,
            quotas: None,
            level: AssuranceLevel::Aal1,
        }
    }

    /// The request does not have the form of the route: one entry for each fault, at most 256.
    pub fn invalid(mut fields: Vec<FieldProblem>) -> Self {
        fields.truncate(MAX_FIELD_PROBLEMS);
        Self { fields, ..Self::new(Code::InvalidRequest) }
    }

    /// The matrix does not grant it. Auditors find the reason by the id of the decision.
    pub fn forbidden(decision: DecisionId) -> Self {
        Self { decision: Some(decision), ..Self::new(Code::Forbidden) }
    }

    /// The database is unavailable at the moment.
    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable).retry_after(DATABASE_PAUSE)
    }

    /// The database has not confirmed the commit.
    pub fn outcome_unknown() -> Self {
        Self::new(Code::OutcomeUnknown).retry_after(DATABASE_PAUSE)
    }

    /// The questions are larger than a recorded decision may be.
    pub fn question_too_large(fields: Vec<FieldProblem>) -> Self {
        Self { fields, ..Self::new(Code::QuestionTooLarge) }
    }

    /// The concurrency limit is reached, by this caller or by all callers together.
    pub fn busy() -> Self {
        Self::new(Code::Busy).retry_after(BUSY_PAUSE)
    }

    /// The sign-in is not recent enough. A session of this assurance level must reach it again.
    pub(crate) fn sign_in_too_old(level: AssuranceLevel) -> Self {
        Self { level, ..Self::new(Code::SignInTooOld) }
    }

    /// A rate limit is reached.
    pub fn rate_limited(quotas: States) -> Self {
        Self { quotas: Some(Box::new(quotas)), ..Self::new(Code::RateLimited) }
    }

    /// The client is banned for this time.
    pub(crate) fn banned(left: Duration) -> Self {
        // Rounded up: after this time the ban is over.
        Self::new(Code::Banned).retry_after(left.saturating_add(ALMOST_A_SECOND))
    }

    /// The revocations of this node are stale.
    pub fn revocations_stale() -> Self {
        Self::new(Code::RevocationsStale).retry_after(DATABASE_PAUSE)
    }

    /// The clock of this node differs from that of the database by this offset.
    pub fn clock_off(offset: ClockOffset) -> Self {
        let detail = format!("The clock of this node is {offset} of that of the database.");
        Self::new(Code::ClockOff).detail(detail).retry_after(DATABASE_PAUSE)
    }

    /// This node takes no new work.
    pub fn stopping() -> Self {
        Self::new(Code::Stopping).retry_after(DATABASE_PAUSE)
    }

    /// The problem for a status that the framework has set.
    pub fn of_status(status: StatusCode) -> Self {
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

    /// The same problem, with its own advice instead of that of the catalogue.
    #[must_use]
    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The same, with one more fault of a field.
    #[must_use]
    pub fn field(mut self, field: FieldProblem) -> Self {
        self.fields.push(field);
        self
    }

    fn fields(self, faults: Vec<FieldError>) -> Self {
        Self { fields: faults.into_iter().map(FieldProblem::from).collect(), ..self }
    }

    fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The faults of single fields.
    pub fn faults(&self) -> &[FieldProblem] {
        &self.fields
    }

    /// A page that shows the problem itself, such as a form with what was typed: it stays as it is.
    pub fn page(&self, html: String) -> HttpResponse {
        let mut response = self.error_response().set_body(BoxBody::new(html));
        response.headers_mut().insert(header::CONTENT_TYPE, HTML);
        response.extensions_mut().insert(Shown(self.code));
        response
    }

    /// The problem document with this request id.
    pub fn body<'a>(&'a self, request_id: &'a str) -> ProblemBody<'a> {
        debug_assert_eq!(self.unlisted_field_code(), None, "list it in field_code.rs");
        ProblemBody {
            r#type: format!("urn:portcullis:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: self.detail.as_deref().unwrap_or(self.code.advice()),
            code: self.code.as_str(),
            request_id,
            trace_id: None,
            errors: &self.fields,
            decision_id: self.decision,
        }
    }
}

impl<'a> ProblemBody<'a> {
    /// The same with the id of the trace.
    pub(crate) fn traced(self, trace_id: Option<&'a str>) -> Self {
        Self { trace_id, ..self }
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
        if let Some(challenge) = challenge(self.code, self.level) {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        let mut response = response.finish();
        if let Some(quotas) = &self.quotas {
            add_rate_limits(response.headers_mut(), quotas);
        }
        response
    }
}

/// RFC 6750 section 3: no error code if the request had no credential at all.
fn challenge(code: Code, level: AssuranceLevel) -> Option<&'static str> {
    match code.status() {
        401 if code == Code::InvalidToken => {
            Some(r#"Bearer realm="portcullis", error="invalid_token""#)
        }
        401 if code == Code::SignInTooOld => Some(match level {
            AssuranceLevel::Aal2 => TOO_OLD_FACTOR,
            _ => TOO_OLD,
        }),
        401 if code == Code::InvalidServiceCredential => {
            Some(r#"Basic realm="portcullis", Bearer realm="portcullis""#)
        }
        401 => Some(r#"Bearer realm="portcullis""#),
        _ => None,
    }
}

/// RFC 9470 section 3. The age is that of [`StepUp::MAX_SIGN_IN_AGE`](portcullis_flows::sign_in::step_up::StepUp::MAX_SIGN_IN_AGE), in seconds.
const TOO_OLD: &str = concat!(
    r#"Bearer realm="portcullis", error="insufficient_user_authentication", "#,
    r#"error_description="A more recent sign-in is required", max_age=900"#
);

/// As [`TOO_OLD`], for a session with two factors.
const TOO_OLD_FACTOR: &str = concat!(
    r#"Bearer realm="portcullis", error="insufficient_user_authentication", "#,
    r#"error_description="A more recent sign-in is required", acr_values="aal2", max_age=900"#
);

const ALMOST_A_SECOND: Duration = Duration::from_nanos(999_999_999);

/// The retry time after which a permit may be free.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// The retry time after which the database may be available.
const DATABASE_PAUSE: Duration = Duration::from_secs(2);

/// The problem of a response that shows it in a form of its own.
#[derive(Clone, Copy)]
pub(crate) struct Shown(pub(crate) Code);

/// The media type of pages.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The media type of problem documents (RFC 9457).
pub(crate) const PROBLEM_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The codes of problems, for the API document.
fn problem_code() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Code::ALL.iter().map(|code| code.as_str())))
        .description(Some("The stable code that programs decide by."))
        .examples([Code::InvalidCredentials.as_str()])
        .build()
}

fn field_code() -> Object {
    let codes: BTreeSet<&str> =
        Code::ALL.iter().flat_map(|code| code.field_codes()).copied().collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(codes))
        .description(Some("The stable code of the fault."))
        .examples(["too_short"])
        .build()
}
