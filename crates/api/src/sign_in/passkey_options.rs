//! The options that a browser needs for a ceremony with a passkey, in the JSON form of Web Authentication level 3.
//!
//! `portcullis-mfa` writes them. The types here describe them in the API document.

use portcullis_mfa::passkey::{
    Attestation, CREDENTIAL_TYPE, RESIDENT_KEY, Transports, UserVerification,
};
use portcullis_web::{Code, Problem};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa::openapi::schema::{Array, ArrayBuilder};

use crate::openapi::word;

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
        to_json(options).map(|public_key| Self { public_key })
    }
}

impl RequestOptionsAnswer {
    pub(crate) fn of(options: &impl Serialize) -> Result<Self, Problem> {
        to_json(options).map(|public_key| Self { public_key })
    }
}

fn to_json(options: &impl Serialize) -> Result<Value, Problem> {
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
    #[schema(schema_with = attestation)]
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
    #[schema(schema_with = user_verification)]
    user_verification: String,
    /// Empty: the browser chooses.
    #[schema(example = json!([]))]
    hints: Vec<String>,
}

fn attestation() -> Object {
    let words = Attestation::ALL.iter().map(|word| word.as_str());
    word::described(words, "`none`, or `direct` if the configuration lists models.", "none")
}

fn user_verification() -> Object {
    let words = UserVerification::ALL.iter().map(|word| word.as_str());
    let about = "Whether the authenticator must verify the user: `preferred` for a registration and a second \
                 factor, otherwise `required`.";
    word::described(words, about, "required")
}

fn credential_type() -> Object {
    word::described([CREDENTIAL_TYPE], "Always `public-key`.", CREDENTIAL_TYPE)
}

fn resident_key() -> Object {
    let about = "Always `preferred`: the authenticator stores the credential where it can.";
    word::described([RESIDENT_KEY], about, RESIDENT_KEY)
}

/// The ways in which a browser reaches an authenticator.
pub(crate) fn transports() -> Array {
    ArrayBuilder::new()
        .items(word::one_of(Transports::WORDS))
        .description(Some("The ways in which a browser reaches the authenticator."))
        .examples([json!(["internal"])])
        .build()
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
    #[schema(rename = "type", schema_with = credential_type)]
    kind: String,
    /// The number in the COSE registry: -8, -7 or -257.
    #[schema(example = -8)]
    alg: i64,
}

/// A passkey of the account.
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
struct CredentialDescriptor {
    #[schema(rename = "type", schema_with = credential_type)]
    kind: String,
    /// The credential id in base64url.
    #[schema(example = "-R85HbTJsv3g6nAYnLo_tj9Xm6YSKzOtlP8-wzAIS-Q")]
    id: String,
    #[schema(schema_with = transports)]
    transports: Vec<String>,
}

/// What the authenticator should be able to do.
#[expect(dead_code, reason = "the fields are read by the derive only")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct AuthenticatorSelection {
    #[schema(schema_with = resident_key)]
    resident_key: String,
    #[schema(example = false)]
    require_resident_key: bool,
    #[schema(schema_with = user_verification)]
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
