//! The options that a browser needs for a ceremony with a passkey, in the JSON form of Web Authentication level 3.
//!
//! `portcullis-mfa` writes them. The types here describe them in the API document.

use portcullis_web::{Code, Problem};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The options to create a passkey.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreationOptionsAnswer {
    /// Pass it to `PublicKeyCredential.parseCreationOptionsFromJSON`.
    #[schema(value_type = PasskeyCreationOptions)]
    public_key: Value,
}

/// The options to use a passkey.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequestOptionsAnswer {
    /// Pass it to `PublicKeyCredential.parseRequestOptionsFromJSON`.
    #[schema(value_type = PasskeyRequestOptions)]
    pub(crate) public_key: Value,
}

impl CreationOptionsAnswer {
    pub(crate) fn of(options: &impl Serialize) -> Result<Self, Problem> {
        json(options).map(|public_key| Self { public_key })
    }
}

impl RequestOptionsAnswer {
    pub(crate) fn of(options: &impl Serialize) -> Result<Self, Problem> {
        json(options).map(|public_key| Self { public_key })
    }
}

fn json(options: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(options).map_err(|error| {
        tracing::error!(%error, "the options of a passkey could not be written");
        Problem::new(Code::Internal)
    })
}

/// `PublicKeyCredentialCreationOptionsJSON` (section 5.4).
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PasskeyCreationOptions {
    rp: RelyingPartyEntity,
    user: UserEntity,
    /// Random bytes in base64url.
    #[schema(example = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE")]
    challenge: String,
    pub_key_cred_params: Vec<CredentialParameters>,
    /// The time for the ceremony, in milliseconds.
    #[schema(example = 300_000)]
    timeout: u32,
    /// The passkeys that the account has.
    exclude_credentials: Vec<CredentialDescriptor>,
    authenticator_selection: AuthenticatorSelection,
    /// Empty: the browser chooses.
    #[schema(example = json!([]))]
    hints: Vec<String>,
    /// `none`, or `direct` if the configuration lists models.
    #[schema(example = "none")]
    attestation: String,
    extensions: CreationExtensions,
}

/// `PublicKeyCredentialRequestOptionsJSON` (section 5.5).
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PasskeyRequestOptions {
    /// Random bytes in base64url.
    #[schema(example = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE")]
    challenge: String,
    /// The time for the ceremony, in milliseconds.
    #[schema(example = 300_000)]
    timeout: u32,
    /// The domain that passkeys are bound to.
    #[schema(example = "auth.example.org")]
    rp_id: String,
    /// The passkeys that may be used; empty for any.
    allow_credentials: Vec<CredentialDescriptor>,
    /// `required`, or `preferred` for a second factor.
    #[schema(example = "required")]
    user_verification: String,
    /// Empty: the browser chooses.
    #[schema(example = json!([]))]
    hints: Vec<String>,
}

/// The server, as a browser shows it.
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
struct RelyingPartyEntity {
    #[schema(example = "auth.example.org")]
    id: String,
    #[schema(example = "Portcullis")]
    name: String,
}

/// The account, as a browser shows it.
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct UserEntity {
    /// The user handle in base64url.
    #[schema(example = "AZqjwXpSez6dUQyKS38uEg")]
    id: String,
    #[schema(example = "ada")]
    name: String,
    #[schema(example = "Ada King")]
    display_name: String,
}

/// An algorithm that the server verifies.
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
struct CredentialParameters {
    #[schema(rename = "type", example = "public-key")]
    kind: String,
    /// The number in the COSE registry: -8, -7 or -257.
    #[schema(example = -8)]
    alg: i64,
}

/// A passkey of the account.
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
struct CredentialDescriptor {
    #[schema(rename = "type", example = "public-key")]
    kind: String,
    /// The credential id in base64url.
    #[schema(example = "-R85HbTJsv3g6nAYnLo_tj9Xm6YSKzOtlP8-wzAIS-Q")]
    id: String,
    /// How a browser reaches the authenticator.
    #[schema(example = json!(["internal"]))]
    transports: Vec<String>,
}

/// What the authenticator should be able to do.
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct AuthenticatorSelection {
    #[schema(example = "preferred")]
    resident_key: String,
    #[schema(example = false)]
    require_resident_key: bool,
    #[schema(example = "preferred")]
    user_verification: String,
}

/// What the browser should tell besides.
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct CreationExtensions {
    /// Whether the credential is discoverable.
    #[schema(example = true)]
    cred_props: bool,
}
