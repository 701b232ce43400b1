//! The options that a browser needs for a ceremony with a passkey.

use portcullis_web::{Code, Problem};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A request of the server to the browser. Pass `public_key` to
/// `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyOptionsAnswer {
    /// The options of Web Authentication level 3, section 5.1.9, in their JSON form.
    #[schema(value_type = Object, example = json!({
        "challenge": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE", "rpId": "auth.example.org" }))]
    pub(crate) public_key: Value,
}

impl PasskeyOptionsAnswer {
    /// The options in their JSON form.
    pub(crate) fn of(options: &impl Serialize) -> Result<Self, Problem> {
        let public_key = serde_json::to_value(options).map_err(|error| {
            tracing::error!(%error, "the options of a passkey could not be written");
            Problem::new(Code::Internal)
        })?;
        Ok(Self { public_key })
    }
}
