//! JSON forms that several routes return: an account, and the response to a request for a mail.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use portcullis_domain::{Account, AccountId, AccountKind, DisplayName, Timestamp};
use portcullis_flows::identity::account::CachedAccount;
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::word;

/// An account.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the shape that clients rely on")]
pub(crate) struct AccountAnswer<'a> {
    /// The id of the account. It is opaque and never changes.
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    id: AccountId,
    /// The user name in its normal form: NFC, lower case.
    #[schema(example = "ada")]
    username: &'a str,
    /// The email address as entered.
    #[schema(example = "ada@example.org")]
    email: &'a str,
    /// The display name of the person.
    #[schema(example = "Ada Lovelace")]
    display_name: Option<&'a str>,
    #[schema(schema_with = word::account_kind)]
    kind: AccountKind,
    /// The role, from the access matrix.
    #[schema(example = "msa")]
    role: &'a str,
    /// True if the account can be used.
    #[schema(example = true)]
    is_active: bool,
    /// True if the owner has reported an action that was not its own: no sign-in until the password
    /// is reset, or an operator unlocks the account.
    #[schema(example = false)]
    is_blocked: bool,
    /// True if the owner has confirmed the email address.
    #[schema(example = false)]
    email_verified: bool,
    /// True if the account can only change its password, until it has done so.
    #[schema(example = false)]
    password_must_change: bool,
    /// True if a sign-in requires a second factor.
    #[schema(example = false)]
    mfa_enabled: bool,
    /// The time of creation (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    created_at: Timestamp,
    /// The time of the latest sign-in (RFC 3339, UTC); null before the first.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:31:00Z")]
    last_sign_in_at: Option<Timestamp>,
}

impl<'a> From<&'a Account> for AccountAnswer<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            id: account.id,
            username: account.username.as_str(),
            email: account.email.as_str(),
            display_name: account.display_name.as_ref().map(DisplayName::as_str),
            kind: account.kind,
            role: account.role.as_str(),
            is_active: account.is_active,
            is_blocked: account.is_blocked,
            email_verified: account.email_verified,
            password_must_change: account.password_must_change,
            mfa_enabled: account.mfa_enabled,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
        }
    }
}

/// The account in JSON.
#[expect(clippy::expect_used, reason = "texts, words and times always have a JSON form")]
fn to_json(account: &Account) -> Vec<u8> {
    let mut json = Vec::with_capacity(USUAL_LENGTH);
    serde_json::to_writer(&mut json, &AccountAnswer::from(account)).expect("a JSON form");
    json
}

/// More bytes than most accounts take in JSON: the buffer does not grow.
const USUAL_LENGTH: usize = 512;

/// A response with the account as its body.
pub(crate) fn account_response(status: StatusCode, account: &Account) -> HttpResponse {
    json_response(status, to_json(account))
}

/// As [`account_response`], with the JSON form that is kept with the cached account.
pub(crate) fn cached_account_response(account: &CachedAccount) -> HttpResponse {
    json_response(StatusCode::OK, account.document(to_json).to_vec())
}

/// The response to a request that may cause a mail, always the same.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailedAnswer {
    /// The next step.
    #[schema(example = "Follow the link in the mail.")]
    message: &'static str,
}

/// A response 202 that reveals nothing about the address.
pub(crate) fn mailed_response() -> HttpResponse {
    HttpResponse::Accepted().json(MailedAnswer { message: "Follow the link in the mail." })
}

fn json_response(status: StatusCode, json: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status).insert_header(ContentType::json()).body(json)
}
