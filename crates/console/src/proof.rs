//! Proofs in a form: a code or a passkey as the second factor, a password or a passkey for a change.
//!
//! A script puts the answer of the authenticator into the hidden field `credential`; the field that it
//! stands for is not sent then.

use std::sync::Arc;

use actix_web::HttpRequest;
use portcullis_domain::ExposeSecret;
use portcullis_flows::sign_in::factor::FactorAnswer;
use portcullis_flows::sign_in::reauthentication::{CurrentCredential, ReauthenticationRequest};
use portcullis_mfa::passkey::AssertionResponse;
use portcullis_web::{Code, FieldProblem, Problem, SecretText, origin};
use serde::Deserialize;
use serde_json::Value;

use crate::page::Person;
use crate::strings::ENGLISH;

/// The current credential, alone in a form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CurrentForm {
    pub(crate) current_password: Option<SecretText>,
    pub(crate) credential: Option<SecretText>,
}

impl CurrentForm {
    /// The request of the person with this credential.
    pub(crate) fn request(
        self,
        person: &Person,
        request: &HttpRequest,
    ) -> Result<ReauthenticationRequest, Problem> {
        let (account, session) = person.session()?;
        let current = self.current()?;
        Ok(ReauthenticationRequest { account, session, current, origin: origin(request) })
    }

    /// The credential.
    pub(crate) fn current(self) -> Result<CurrentCredential, Problem> {
        match (filled(self.current_password), filled(self.credential)) {
            (_, Some(credential)) => {
                let response = assertion(&credential, Code::WrongPassword)?;
                Ok(CurrentCredential::Passkey(response))
            }
            (Some(password), None) => Ok(CurrentCredential::Password(password.0)),
            (None, None) => Err(missing("current_password")),
        }
    }
}

/// The second factor. `refusal` is the code of a credential that cannot be read.
pub(crate) fn factor(
    code: Option<SecretText>,
    credential: Option<SecretText>,
    refusal: Code,
) -> Result<FactorAnswer, Problem> {
    match (filled(code), filled(credential)) {
        (_, Some(credential)) => Ok(FactorAnswer::Passkey(assertion(&credential, refusal)?)),
        (Some(code), None) => Ok(FactorAnswer::Code(code.0)),
        (None, None) => Err(missing("code")),
    }
}

/// The answer of an authenticator that uses a passkey.
pub(crate) fn assertion(
    credential: &SecretText,
    refusal: Code,
) -> Result<Arc<AssertionResponse>, Problem> {
    let response = AssertionResponse::parse(&json(credential, refusal)?);
    response.map(Arc::new).map_err(|_| Problem::new(refusal))
}

/// The JSON of a credential.
pub(crate) fn json(credential: &SecretText, refusal: Code) -> Result<Value, Problem> {
    serde_json::from_str(credential.0.expose_secret()).map_err(|_| Problem::new(refusal))
}

/// The problem of a form without this field.
fn missing(field: &str) -> Problem {
    let fault = FieldProblem::new(field.to_owned(), "required", ENGLISH.field_required);
    Problem::new(Code::InvalidRequest).field(fault)
}

fn filled(text: Option<SecretText>) -> Option<SecretText> {
    text.filter(|text| !text.0.expose_secret().is_empty())
}
