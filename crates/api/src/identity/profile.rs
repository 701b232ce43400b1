//! `PATCH /api/auth/me`: the caller changes its display name.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::identity::profile::Profiles;
use portcullis_web::{
    Body, Caller, Code, Guard, Json, Limit, Method, Problem, Route, Text, blocking,
};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::answer::{AccountAnswer, account_response};

/// The changes of the own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileBody {
    /// The display name; null removes it.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, required = true, example = "Ada Lovelace")]
    display_name: Option<Text>,
}

pub(crate) const CHANGE: Route = Route {
    method: Method::Patch,
    path: "/api/auth/me",
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[Code::CsrfFailed, Code::UnacceptableAccount, Code::OutcomeUnknown, Code::Unavailable],
};

/// Changes the display name of the caller. Its rules are those of the registration.
#[utoipa::path(patch, path = CHANGE.path, operation_id = "updateOwnAccount", tag = "auth",
    request_body = ProfileBody,
    responses((status = 200, body = AccountAnswer, description = "The changed account")))]
pub(crate) async fn change(
    caller: Caller,
    profiles: web::Data<Profiles>,
    accounts: web::Data<Accounts>,
    body: Json<ProfileBody>,
) -> Result<HttpResponse, Problem> {
    let account = caller.account()?;
    let name = body.0.display_name.map(|name| name.0);
    let changed = blocking(move || profiles.rename(&caller.0, account, name.as_deref())).await?;
    accounts.forget(account);
    Ok(account_response(StatusCode::OK, &changed))
}

/// A field that must be present, and may be null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    Option::deserialize(deserializer)
}
