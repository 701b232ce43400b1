//! The JSON form of an account, shared by the routes that return one.

use portcullis_domain::{Account, AccountId, AccountKind, DisplayName, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::word;

/// An account as its owner sees it.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the shape that clients rely on")]
pub(crate) struct AccountAnswer {
    /// Opaque, never changes.
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")]
    id: AccountId,
    /// In its normal form: NFC and lower case.
    #[schema(example = "ada")]
    username: String,
    /// As typed.
    #[schema(example = "ada@example.org")]
    email: String,
    /// What to call the person.
    #[schema(example = "Ada Lovelace")]
    display_name: Option<String>,
    #[schema(schema_with = word::account_kind)]
    kind: AccountKind,
    /// The role of the access matrix.
    #[schema(example = "msa")]
    role: String,
    #[schema(example = true)]
    is_active: bool,
    #[schema(example = false)]
    email_verified: bool,
    /// Until it is, the password is good for one thing only: to be changed.
    #[schema(example = false)]
    password_must_change: bool,
    #[schema(example = false)]
    mfa_enabled: bool,
    /// RFC 3339 in UTC.
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    created_at: Timestamp,
    /// RFC 3339 in UTC.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T09:31:00Z")]
    last_sign_in_at: Option<Timestamp>,
}

impl From<&Account> for AccountAnswer {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            username: account.username.as_str().to_owned(),
            email: account.email.as_str().to_owned(),
            display_name: account.display_name.as_ref().map(DisplayName::as_str).map(str::to_owned),
            kind: account.kind,
            role: account.role.as_str().to_owned(),
            is_active: account.is_active,
            email_verified: account.email_verified,
            password_must_change: account.password_must_change,
            mfa_enabled: false,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
        }
    }
}
