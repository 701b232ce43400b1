//! `/api/auth/api-keys`: a developer creates, lists, rotates and revokes API keys of the own account. Other
//! accounts: `of_user`.

pub(crate) mod of_user;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_access::Scope;
use portcullis_domain::{ApiKeyId, NetworkList, Timestamp};
use portcullis_flows::machine::api_key::{
    ApiKeyAuthority, ApiKeyChecks, ApiKeyRecord, ApiKeys, NewApiKey, WantedApiKey,
};
use portcullis_flows::sign_in::reauthentication::CurrentCredential;
use portcullis_web::{
    ApiKeyRequest, Body, BoundedList, Caller, Code, Guard, Hashing, Json, Limit, Method, Problem,
    Route, SecretText, ShortText, blocking, origin,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::sign_in::reauthentication::{current, reauthentication};

/// The API keys of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeysAnswer {
    items: Vec<ApiKeyAnswer>,
}

/// An API key, without its text.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeyAnswer {
    /// The id of the key; it is in the key too.
    #[schema(value_type = String, format = Uuid, example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e16")]
    id: ApiKeyId,
    /// The name of the key.
    #[schema(example = "nightly report")]
    name: String,
    /// The pairs of resource and action that it may use; null for a damaged key, which is refused.
    #[schema(example = json!(["schedule:read"]))]
    scope: Option<Vec<String>>,
    /// The networks that it may be used from; an empty list allows all.
    #[schema(example = json!(["192.0.2.0/24"]))]
    networks: Vec<String>,
    /// The time of its creation (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    created_at: Timestamp,
    /// The end of its life (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2027-02-18T09:30:00Z")]
    expires_at: Timestamp,
    /// The time of its latest use, at most a minute late (RFC 3339, UTC); null before the first.
    #[schema(value_type = Option<String>, format = DateTime, example = json!(null))]
    last_used_at: Option<Timestamp>,
}

/// A new API key with its text, which is shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewApiKeyAnswer {
    /// The key, for the header `Authorization: Bearer`.
    #[schema(
        max_length = 62,
        example = "pk_02wndAAHBC95f4Al8rNFlB_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz2Oa1Hx"
    )]
    key: String,
    /// The rest of it.
    api_key: ApiKeyAnswer,
}

impl From<ApiKeyRecord> for ApiKeyAnswer {
    fn from(ApiKeyRecord { stored, terms }: ApiKeyRecord) -> Self {
        let scope = terms.as_ref().map(|terms| terms.scope.items().map(ToString::to_string));
        let networks = terms.as_ref().map(|terms| terms.networks.networks().collect());
        Self {
            id: stored.id,
            name: stored.name.as_str().to_owned(),
            scope: scope.map(Iterator::collect),
            networks: networks.unwrap_or_default(),
            created_at: stored.created_at,
            expires_at: stored.expires_at,
            last_used_at: stored.last_used_at,
        }
    }
}

impl From<NewApiKey> for NewApiKeyAnswer {
    fn from(NewApiKey { key, record }: NewApiKey) -> Self {
        Self { key: key.expose().to_owned(), api_key: record.into() }
    }
}

/// A wanted API key, with the current credential.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "nightly report", "scope": ["schedule:read"], "networks": ["192.0.2.0/24"], "days": 90,
    "current_password": "violet-otter-plays-7-cellos" }))]
pub(crate) struct ApiKeyBody {
    /// The name of the key, 1 to 100 characters.
    #[schema(value_type = String, max_length = 256, example = "nightly report")]
    name: ShortText,
    /// Pairs of resource and action, each `resource:action`, with words of the access matrix or `*`: at most
    /// 100, and only what the role of the account gives.
    #[schema(value_type = Vec<String>, max_items = 100, example = json!(["schedule:read"]))]
    scope: BoundedList<ShortText, { Scope::MAX_ITEMS }>,
    /// The networks that the key may be used from, such as `192.0.2.0/24`, or single addresses: at most 50. By
    /// default all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50, example = json!(["192.0.2.0/24"]))]
    networks: Option<BoundedList<ShortText, { NetworkList::MAX_NETWORKS }>>,
    /// The lifetime in days, 1 to 365; by default 90.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 365, example = 90)]
    days: Option<u16>,
    /// The current password, at most 1,024 bytes.
    #[schema(value_type = Option<String>, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    current_password: Option<SecretText>,
    /// For an account without a password: the result of `navigator.credentials.get` with the options of
    /// `/api/auth/mfa/step-up/options`, by its method `toJSON`.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

/// The overlap of a rotation, with the current credential.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "overlap_hours": 24, "current_password": "violet-otter-plays-7-cellos" }))]
pub(crate) struct RotationBody {
    /// The hours for which the replaced key stays valid, 0 to 720; by default 24.
    #[serde(default)]
    #[schema(maximum = 720, example = 24)]
    overlap_hours: Option<u16>,
    /// As for a creation.
    #[schema(value_type = Option<String>, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    current_password: Option<SecretText>,
    /// As for a creation.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/auth/api-keys",
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the API keys of the own account, the oldest first, also expired ones.
#[utoipa::path(get, path = LIST.path, operation_id = "listApiKeys", tag = "machines",
    responses((status = 200, body = ApiKeysAnswer, description = "The keys, without their text")))]
pub(crate) async fn list(
    caller: Caller,
    keys: web::Data<ApiKeys>,
) -> Result<HttpResponse, Problem> {
    let account = caller.account()?;
    let records = blocking(move || keys.list(account)).await?;
    let items = records.into_iter().map(ApiKeyAnswer::from).collect();
    Ok(HttpResponse::Ok().json(ApiKeysAnswer { items }))
}

pub(crate) const CREATE: Route = Route {
    method: Method::Post,
    path: "/api/auth/api-keys",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoApiKeys,
        Code::TooManyApiKeys,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Creates an API key of the own account, which must be one of a developer. The answer alone has the key.
#[utoipa::path(post, path = CREATE.path, operation_id = "createApiKey", tag = "machines",
    request_body = ApiKeyBody,
    responses((status = 201, body = NewApiKeyAnswer, description = "The key, shown once")))]
pub(crate) async fn create(
    caller: Caller,
    request: HttpRequest,
    keys: web::Data<ApiKeys>,
    hashing: Hashing,
    body: Json<ApiKeyBody>,
) -> Result<HttpResponse, Problem> {
    let (current, wanted) = wanted(body.0)?;
    let current = reauthentication(&caller, &request, current)?;
    let create = move || {
        let authority = ApiKeyAuthority { owner: current.account, principal: &caller.0 };
        keys.create(authority, Some(&current), &wanted)
    };
    let created = hashing.run(origin(&request).address, create).await?;
    Ok(HttpResponse::Created().json(NewApiKeyAnswer::from(created)))
}

pub(crate) const ROTATE: Route = Route {
    method: Method::Post,
    path: "/api/auth/api-keys/{id}/rotate",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NotFound,
        Code::ApiKeyReplaced,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Replaces an API key by one with the same name, scope, networks and lifetime.
///
/// Both are valid for the overlap. The answer alone has the new key.
#[utoipa::path(post, path = ROTATE.path, operation_id = "rotateApiKey", tag = "machines",
    params(("id" = String, Path, description = "The key",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e16")),
    request_body = RotationBody,
    responses((status = 201, body = NewApiKeyAnswer, description = "The new key, shown once")))]
pub(crate) async fn rotate(
    caller: Caller,
    request: HttpRequest,
    (keys, checks): (web::Data<ApiKeys>, web::Data<ApiKeyChecks>),
    hashing: Hashing,
    id: web::Path<String>,
    body: Json<RotationBody>,
) -> Result<HttpResponse, Problem> {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let id = parsed(&id)?;
    let RotationBody { overlap_hours, current_password, credential } = body.0;
    let current = current(current_password, credential.as_ref())?;
    let current = reauthentication(&caller, &request, current)?;
    let overlap = overlap_hours.map(|hours| HOUR * u32::from(hours));
    let rotate = move || {
        let authority = ApiKeyAuthority { owner: current.account, principal: &caller.0 };
        let rotated = keys.rotate(authority, Some(&current), id, overlap);
        checks.forget(id);
        rotated
    };
    let rotated = hashing.run(origin(&request).address, rotate).await?;
    Ok(HttpResponse::Created().json(NewApiKeyAnswer::from(rotated)))
}

pub(crate) const REVOKE: Route = Route {
    method: Method::Delete,
    path: "/api/auth/api-keys/{id}",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::CsrfFailed, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Revokes an API key: every node refuses it within a second.
#[utoipa::path(delete, path = REVOKE.path, operation_id = "revokeApiKey", tag = "machines",
    params(("id" = String, Path, description = "The key",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e16")),
    responses((status = 204, description = "The key is revoked")))]
pub(crate) async fn revoke(
    caller: Caller,
    keys: web::Data<ApiKeys>,
    checks: web::Data<ApiKeyChecks>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let owner = caller.account()?;
    let id = parsed(&id)?;
    let revoke = move || {
        let revoked = keys.revoke(ApiKeyAuthority { owner, principal: &caller.0 }, id);
        checks.forget(id);
        revoked
    };
    blocking(revoke).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn parsed(id: &str) -> Result<ApiKeyId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NotFound))
}

/// The checked body; all its faults are reported together.
fn wanted(body: ApiKeyBody) -> Result<(CurrentCredential, WantedApiKey), Problem> {
    let ApiKeyBody { name, scope, networks, days, current_password, credential } = body;
    let current = current(current_password, credential.as_ref())?;
    let request = ApiKeyRequest {
        name: &name.0,
        scope: texts(scope.0.as_ref()),
        networks: networks.as_ref().map_or(Some(Vec::new()), |list| texts(list.0.as_ref())),
        days,
    };
    Ok((current, request.checked()?))
}

/// The texts of a list; `None` if it was too long.
fn texts(list: Option<&Vec<ShortText>>) -> Option<Vec<&str>> {
    list.map(|list| list.iter().map(|text| text.0.as_str()).collect())
}
