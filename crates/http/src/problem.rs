//! Every error of the surface, and the one place where errors of use cases become HTTP.
//!
//! Bodies are `application/problem+json` (RFC 9457) with a stable `code`. The outermost layer adds
//! the request id; see `stack.rs`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use portcullis_flows::StoreError;
use portcullis_flows::bootstrap::SetupError;
use portcullis_flows::candidate::{FieldError, RegistrationError};
use portcullis_flows::password_change::PasswordChangeError;
use portcullis_flows::refresh::RefreshError;
use portcullis_flows::sign_in::SignInError;
use portcullis_password::HashingError;
use serde::Serialize;
use utoipa::ToSchema;

/// Declares the catalogue: variant, stable code, status, title, and what to do next.
macro_rules! catalogue {
    ($($variant:ident $code:literal $status:ident $title:literal $advice:literal)*) => {
        /// The catalogue of errors.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each entry explains itself by title and advice")]
        pub enum Code {
            $($variant),*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The status it is sent with.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => StatusCode::$status),* }.as_u16()
            }

            /// What happened, the same every time.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// What to do next.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),* }
            }
        }
    };
}

catalogue! {
    MalformedRequest "malformed_request" BAD_REQUEST "The request is malformed"
        "Check the request line and the headers."
    MalformedBody "malformed_body" BAD_REQUEST "The body cannot be read"
        "Send well-formed UTF-8 of the announced type."
    InvalidRequest "invalid_request" BAD_REQUEST "The body does not have the form of this route"
        "Compare the fields with /api/openapi.json; `errors` names what does not fit."
    AmbiguousCredentials "ambiguous_credentials" BAD_REQUEST "The request carries more than one credential"
        "Send either the access cookie or one Authorization header."
    PasswordTooLong "password_too_long" BAD_REQUEST "The password is too long"
        "Passwords have at most 1,024 bytes."
    NotAuthenticated "not_authenticated" UNAUTHORIZED "Sign in first"
        "Sign in at /api/auth/login and send the access token."
    InvalidToken "invalid_token" UNAUTHORIZED "The access token is not valid"
        "Refresh it at /api/auth/refresh, or sign in again."
    InvalidCredentials "invalid_credentials" UNAUTHORIZED "The name or the password is not right"
        "Check both. After several failures a wait begins, in which even the right password is refused."
    InvalidRefreshToken "invalid_refresh_token" UNAUTHORIZED "The refresh token is not valid"
        "Sign in again. A browser must send the binding cookie along."
    RefreshTokenReused "refresh_token_reused" UNAUTHORIZED "The refresh token had been used before"
        "Sessions were ended for safety. Sign in again, and change the password if it was not you."
    InvalidSetupToken "invalid_setup_token" UNAUTHORIZED "The setup token is not valid"
        "Use the token the server printed at its last start; once an administrator exists there is none."
    ForeignOrigin "foreign_origin" FORBIDDEN "Requests from this page are not accepted"
        "Call from the server's own origin, or add the page's origin to CORS_ORIGINS."
    CsrfFailed "csrf_failed" FORBIDDEN "The request is not shown to come from an allowed page"
        "Get a token at /api/auth/csrf and send it in X-CSRF-Token, with Origin or Sec-Fetch-Site."
    WrongPassword "wrong_password" FORBIDDEN "The current password is not right"
        "Check it. After several failures a wait begins, in which even the right password is refused."
    RegistrationClosed "registration_closed" FORBIDDEN "Registration is not open"
        "Ask an administrator for an account."
    NotFound "not_found" NOT_FOUND "There is nothing here"
        "See /api/openapi.json for the routes."
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "This route does not know that method"
        "See the Allow header."
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The request took too long to arrive"
        "Send it again."
    UsernameTaken "username_taken" CONFLICT "The user name is taken"
        "Choose another; names that look alike count as the same."
    EmailTaken "email_taken" CONFLICT "The email is taken"
        "Sign in with it instead."
    RefreshConflict "refresh_conflict" CONFLICT "Another request has just used this refresh token"
        "Use the tokens that the other request received."
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large"
        "Send at most 16 KiB."
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body is of the wrong type"
        "Send the content type that the route names, in UTF-8, not compressed."
    UnacceptableAccount "unacceptable_account" UNPROCESSABLE_ENTITY "The account breaks the rules of this server"
        "Mend what `errors` names."
    UnacceptablePassword "unacceptable_password" UNPROCESSABLE_ENTITY "The new password breaks the rules of this server"
        "Mend what `errors` names."
    Internal "internal" INTERNAL_SERVER_ERROR "Something went wrong on our side"
        "Try again; if it stays, tell the operator the request_id."
    Overloaded "overloaded" SERVICE_UNAVAILABLE "Too many passwords are being checked"
        "Wait as long as Retry-After says, then try again."
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The server cannot do this at the moment"
        "Wait as long as Retry-After says, then try again."
}

/// One error on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: Option<Cow<'static, str>>,
    fields: Vec<FieldProblem>,
    retry_after: Option<Duration>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// The field of the request.
    #[schema(example = "password")]
    field: String,
    /// A stable word for the fault.
    #[schema(example = "too_short")]
    code: Cow<'static, str>,
    /// What to do about it.
    #[schema(example = "use at least 12 characters")]
    message: Cow<'static, str>,
}

impl FieldProblem {
    pub(crate) fn new(field: String, code: &'static str, message: &'static str) -> Self {
        Self { field, code: Cow::Borrowed(code), message: Cow::Borrowed(message) }
    }
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self {
            field: error.field().to_owned(),
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
    code: &'static str,
    /// Names this request in the server's log.
    request_id: &'a str,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
}

impl Problem {
    pub(crate) const fn new(code: Code) -> Self {
        Self { code, detail: None, fields: Vec::new(), retry_after: None }
    }

    /// The database does not do its part at the moment.
    pub(crate) fn unavailable() -> Self {
        Self::new(Code::Unavailable).retry_after(DATABASE_PAUSE)
    }

    /// The problem that a status set by the framework stands for.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        Self::new(match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
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
        401 => Some(r#"Bearer realm="portcullis""#),
        _ => None,
    }
}

/// After so long the database may be back.
const DATABASE_PAUSE: Duration = Duration::from_secs(2);

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "storage failed");
        match error {
            StoreError::Unavailable(_) => Self::unavailable(),
            StoreError::Corrupt { .. } => Self::new(Code::Internal),
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
            HashingError::Hash(error) => {
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
            RefreshError::Conflict => Self::new(Code::RefreshConflict),
            RefreshError::Store(error) => error.into(),
        }
    }
}
