//! The current credential in the body of a change.

use std::sync::Arc;

use actix_web::HttpRequest;
use portcullis_flows::sign_in::reauthentication::{CurrentCredential, ReauthenticationRequest};
use portcullis_mfa::passkey::AssertionResponse;
use portcullis_web::{Caller, Code, FieldProblem, Problem, SecretText, origin};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The current credential of the caller, for a change of its factors.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "current_password": "violet-otter-plays-7-cellos" }))]
pub(crate) struct CurrentCredentialBody {
    /// The current password, at most 1,024 bytes.
    #[schema(value_type = Option<String>, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    current_password: Option<SecretText>,
    /// For an account without a password: the result of `navigator.credentials.get` with the options of
    /// `/api/auth/mfa/step-up/options`, by its method `toJSON`.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

impl CurrentCredentialBody {
    /// The request of the caller with this credential.
    pub(crate) fn request(
        self,
        caller: &Caller,
        request: &HttpRequest,
    ) -> Result<ReauthenticationRequest, Problem> {
        let current = current(self.current_password, self.credential.as_ref())?;
        reauthentication(caller, request, current)
    }
}

/// The request of the caller, in its session, with this credential.
pub(crate) fn reauthentication(
    caller: &Caller,
    request: &HttpRequest,
    current: CurrentCredential,
) -> Result<ReauthenticationRequest, Problem> {
    let (account, session) = caller.session()?;
    Ok(ReauthenticationRequest { account, session, current, origin: origin(request) })
}

/// The current credential of a body: the password or the assertion of a passkey, and not both.
pub(crate) fn current(
    password: Option<SecretText>,
    credential: Option<&Value>,
) -> Result<CurrentCredential, Problem> {
    match (password, credential) {
        (Some(password), None) => Ok(CurrentCredential::Password(password.0)),
        (None, Some(credential)) => {
            let response = AssertionResponse::parse(credential);
            let response = response.map_err(|_| Problem::new(Code::WrongPassword))?;
            Ok(CurrentCredential::Passkey(Arc::new(response)))
        }
        (None, None) | (Some(_), Some(_)) => {
            let message = "send the current password, or a credential if the account has none";
            let field = FieldProblem::new("current_password".to_owned(), "ambiguous", message);
            Err(Problem::new(Code::InvalidRequest).field(field))
        }
    }
}
