//! `GET /api/auth/mfa` and `POST /api/auth/mfa/backup-codes`: the second factors of the caller, and
//! new backup codes.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{ExposeSecret, Timestamp};
use portcullis_flows::sign_in::backup_code::{BackupCodes, Factors};
use portcullis_web::{
    Body, Caller, Code, Guard, Hashing, Json, Limit, Method, Problem, Route, blocking,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::sign_in::reauthentication::CurrentCredentialBody;

/// The second factors of the caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactorsAnswer {
    /// The authenticator app, if there is one.
    totp: Option<TotpAnswer>,
    /// The number of passkeys; `/api/auth/passkeys` lists them.
    #[schema(example = 1)]
    passkeys: usize,
    /// The number of unused backup codes.
    #[schema(example = 10)]
    backup_codes_left: u32,
}

/// An authenticator app.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpAnswer {
    /// The time of its confirmation (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    confirmed_at: Timestamp,
    /// The time of its latest use (RFC 3339, UTC); null before the first.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T10:01:00Z")]
    last_used_at: Option<Timestamp>,
}

impl From<Factors> for FactorsAnswer {
    fn from(factors: Factors) -> Self {
        let totp = factors.totp.map(|totp| TotpAnswer {
            confirmed_at: totp.confirmed_at,
            last_used_at: totp.last_used_at,
        });
        Self {
            totp,
            passkeys: factors.passkeys.len(),
            backup_codes_left: factors.backup_codes_left,
        }
    }
}

/// A set of backup codes. They are shown only here.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackupCodesAnswer {
    /// Ten codes, each of which works once.
    #[schema(example = json!(["0123-4567-89AB-CDEF"]))]
    codes: Vec<String>,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/auth/mfa",
    guard: Guard::FACTOR_ENROLMENT,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::Unavailable],
};

/// Returns the second factors of the caller, without any secret.
#[utoipa::path(get, path = LIST.path, operation_id = "listFactors", tag = "factors",
    responses((status = 200, body = FactorsAnswer, description = "The factors",
        example = json!({
            "totp": { "confirmed_at": "2026-11-20T09:31:00Z", "last_used_at": null },
            "passkeys": 1, "backup_codes_left": 10 }))))]
pub(crate) async fn list(
    caller: Caller,
    backup_codes: web::Data<BackupCodes>,
) -> Result<HttpResponse, Problem> {
    let account = caller.account()?;
    let factors = blocking(move || backup_codes.factors(account)).await?;
    Ok(HttpResponse::Ok().json(FactorsAnswer::from(factors)))
}

pub(crate) const GENERATE: Route = Route {
    method: Method::Post,
    path: "/api/auth/mfa/backup-codes",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoFactor,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Generates ten backup codes in place of all earlier ones.
#[utoipa::path(post, path = GENERATE.path, operation_id = "generateBackupCodes", tag = "factors",
    request_body = CurrentCredentialBody,
    responses((status = 200, body = BackupCodesAnswer, description = "The codes, shown once")))]
pub(crate) async fn generate(
    caller: Caller,
    request: HttpRequest,
    backup_codes: web::Data<BackupCodes>,
    hashing: Hashing,
    body: Json<CurrentCredentialBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.0.request(&caller, &request)?;
    let address = wanted.origin.address;
    let codes = hashing.run(address, move || backup_codes.generate(&wanted)).await?;
    let codes = codes.iter().map(|code| code.to_groups().expose_secret().to_owned()).collect();
    Ok(HttpResponse::Ok().json(BackupCodesAnswer { codes }))
}
