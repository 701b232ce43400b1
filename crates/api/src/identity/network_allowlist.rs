//! `/api/auth/ip-allowlist` and `/api/admin/users/{id}/ip-allowlist`: the networks that an account may be used
//! from.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{NetworkList, NetworkListError};
use portcullis_flows::access::permission;
use portcullis_flows::identity::network_allowlist::{Allowlist, NetworkAllowlists};
use portcullis_web::{
    Body, BoundedList, Caller, Code, FieldProblem, Guard, Hashing, Json, Limit, Method, Problem,
    Query, Route, SecretText, ShortText, blocking, origin,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::account_change::account;
use crate::sign_in::reauthentication::current;

/// The networks that an account may be used from.
#[derive(Serialize, ToSchema)]
pub(crate) struct AllowlistAnswer {
    /// The list of the account; an empty list allows all.
    #[schema(example = json!(["192.0.2.0/24"]))]
    networks: Vec<String>,
    /// The list of its role, which the operator sets; null allows all.
    #[schema(example = json!(null))]
    role_networks: Option<Vec<String>>,
    /// The client address of this request.
    #[schema(value_type = String, example = "192.0.2.7")]
    client_address: IpAddr,
}

impl AllowlistAnswer {
    fn new(allowlist: &Allowlist, client_address: IpAddr) -> Self {
        let networks = allowlist.own.networks().collect();
        let role_networks = allowlist.of_role.as_ref().map(|list| list.networks().collect());
        Self { networks, role_networks, client_address }
    }
}

/// Another list of networks, with the current credential.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "networks": ["192.0.2.0/24", "2001:db8::/32"],
    "current_password": "violet-otter-plays-7-cellos" }))]
pub(crate) struct AllowlistBody {
    /// The networks, such as `192.0.2.0/24`, or single addresses: at most 20. An empty list allows all.
    #[schema(value_type = Vec<String>, max_items = 20, example = json!(["192.0.2.0/24"]))]
    networks: BoundedList<ShortText, { NetworkAllowlists::MAX_NETWORKS }>,
    /// The current password, at most 1,024 bytes.
    #[schema(value_type = Option<String>, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    current_password: Option<SecretText>,
    /// For an account without a password: the result of `navigator.credentials.get` with the options of
    /// `/api/auth/mfa/step-up/options`, by its method `toJSON`.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

pub(crate) const READ: Route = Route {
    method: Method::Get,
    path: "/api/auth/ip-allowlist",
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Returns the networks that the own account may be used from.
#[utoipa::path(get, path = READ.path, operation_id = "getIpAllowlist", tag = "auth",
    responses((status = 200, body = AllowlistAnswer, description = "The networks")))]
pub(crate) async fn read(
    caller: Caller,
    allowlists: web::Data<NetworkAllowlists>,
) -> Result<HttpResponse, Problem> {
    let address = caller.0.origin.address;
    let found = blocking(move || allowlists.read(&caller.0)).await?;
    Ok(HttpResponse::Ok().json(AllowlistAnswer::new(&found, address)))
}

pub(crate) const REPLACE: Route = Route {
    method: Method::Post,
    path: "/api/auth/ip-allowlist",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::AllowlistExcludesClient,
        Code::RoleJustChanged,
        Code::MatrixSuperseded,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Replaces the networks that the own account may be used from.
///
/// The client address must be in the new list. Every access token of the account is invalid from then on:
/// refresh it, from inside.
#[utoipa::path(post, path = REPLACE.path, operation_id = "replaceIpAllowlist", tag = "auth",
    request_body = AllowlistBody,
    responses((status = 200, body = AllowlistAnswer, description = "The networks from now on")))]
pub(crate) async fn replace(
    caller: Caller,
    request: HttpRequest,
    allowlists: web::Data<NetworkAllowlists>,
    hashing: Hashing,
    body: Json<AllowlistBody>,
) -> Result<HttpResponse, Problem> {
    let AllowlistBody { networks, current_password, credential } = body.0;
    let networks = parsed(&networks)?;
    let current = current(current_password, credential.as_ref())?;
    let address = origin(&request).address;
    let replace = move || allowlists.replace(&caller.0, &networks, current);
    let replaced = hashing.run(address, replace).await?;
    Ok(HttpResponse::Ok().json(AllowlistAnswer::new(&replaced, address)))
}

/// Another list of networks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserAllowlistBody {
    /// The networks, such as `192.0.2.0/24`, or single addresses: at most 20. An empty list allows all.
    #[schema(value_type = Vec<String>, max_items = 20, example = json!(["192.0.2.0/24"]))]
    networks: BoundedList<ShortText, { NetworkAllowlists::MAX_NETWORKS }>,
}

pub(crate) const READ_OF_USER: Route = Route {
    method: Method::Get,
    path: "/api/admin/users/{id}/ip-allowlist",
    guard: Guard::permitted(&[permission::READ_ACCOUNT]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::NotFound, Code::OutcomeUnknown, Code::Unavailable],
};

/// Returns the networks that an account may be used from. The audit log records the access.
#[utoipa::path(get, path = READ_OF_USER.path, operation_id = "getUserIpAllowlist", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    responses((status = 200, body = AllowlistAnswer, description = "The networks")))]
pub(crate) async fn read_of_user(
    caller: Caller,
    request: HttpRequest,
    allowlists: web::Data<NetworkAllowlists>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request)?;
    let (id, address) = (account(&id)?, caller.0.origin.address);
    let found = blocking(move || allowlists.read_of(&caller.0, id)).await?;
    Ok(HttpResponse::Ok().json(AllowlistAnswer::new(&found, address)))
}

pub(crate) const REPLACE_OF_USER: Route = Route {
    method: Method::Post,
    path: "/api/admin/users/{id}/ip-allowlist",
    guard: Guard::permitted(&[permission::READ_ACCOUNT, permission::CHANGE_STATE]).recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::AboveOwnRole,
        Code::OwnAccount,
        Code::RoleJustChanged,
        Code::MatrixSuperseded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Replaces the networks that an account may be used from.
///
/// Every access token of the account is invalid from then on; its sessions go on at their next refresh, from
/// inside. The owner is informed by mail.
#[utoipa::path(post, path = REPLACE_OF_USER.path, operation_id = "replaceUserIpAllowlist", tag = "users",
    params(("id" = String, Path, description = "The account",
        example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11")),
    request_body = UserAllowlistBody,
    responses((status = 200, body = AllowlistAnswer, description = "The networks from now on")))]
pub(crate) async fn replace_of_user(
    caller: Caller,
    allowlists: web::Data<NetworkAllowlists>,
    id: web::Path<String>,
    body: Json<UserAllowlistBody>,
) -> Result<HttpResponse, Problem> {
    let networks = parsed(&body.0.networks)?;
    let (id, address) = (account(&id)?, caller.0.origin.address);
    let replaced = blocking(move || allowlists.replace_of(&caller.0, id, &networks)).await?;
    Ok(HttpResponse::Ok().json(AllowlistAnswer::new(&replaced, address)))
}

fn parsed(
    networks: &BoundedList<ShortText, { NetworkAllowlists::MAX_NETWORKS }>,
) -> Result<NetworkList, Problem> {
    let networks = match &networks.0 {
        Some(list) => NetworkList::parse(list.iter().map(|network| network.0.as_str())),
        None => Err(NetworkListError::TooLong),
    };
    networks.map_err(|error| {
        let message = match error {
            NetworkListError::TooLong => "must be at most 20 networks".to_owned(),
            error => error.to_string(),
        };
        Problem::invalid(vec![FieldProblem::new("networks".to_owned(), error.code(), message)])
    })
}
