//! The current credential in the body of a change.

use std::sync::Arc;

use actix_web::HttpRequest;
use portcullis_flows::sign_in::reauthentication::{CurrentCredential, ReauthenticationRequest};
use portcullis_mfa::passkey::AssertionResponse;
use portcullis_web::{Caller, Code, Problem, SecretText, origin};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The current credential of the caller, for a change of its factors.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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
        let (account, session) = caller.session()?;
        let current = current(self.current_password, self.credential.as_ref())?;
        Ok(ReauthenticationRequest { account, session, current, origin: origin(request) })
    }
}

/// The current credential of a body: the password, or else the assertion of a passkey.
pub(crate) fn current(
    password: Option<SecretText>,
    credential: Option<&Value>,
) -> Result<Option<CurrentCredential>, Problem> {
    if let Some(password) = password {
        return Ok(Some(CurrentCredential::Password(password.0)));
    }
    let Some(credential) = credential else { return Ok(None) };
    let response = AssertionResponse::parse(credential);
    let response = response.map_err(|_| Problem::new(Code::WrongPassword))?;
    Ok(Some(CurrentCredential::Passkey(Arc::new(response))))
}
