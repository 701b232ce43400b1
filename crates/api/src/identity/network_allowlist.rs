//! `/api/auth/ip-allowlist`: the networks that the own account may be used from.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{NetworkList, NetworkListError};
use portcullis_flows::identity::network_allowlist::{Allowlist, NetworkAllowlists};
use portcullis_web::{
    Body, BoundedList, Caller, Code, FieldProblem, Guard, Hashing, Json, Limit, Method, Problem,
    Route, SecretText, ShortText, blocking, origin,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

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
#[utoipa::path(get, path = READ.path, operation_id = "read_ip_allowlist", tag = "auth",
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
#[utoipa::path(post, path = REPLACE.path, operation_id = "replace_ip_allowlist", tag = "auth",
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
    let networks = match &networks.0 {
        Some(list) => NetworkList::parse(list.iter().map(|network| network.0.as_str())),
        None => Err(NetworkListError::TooLong),
    };
    let networks = networks.map_err(|error| {
        let message = match error {
            NetworkListError::TooLong => "must be at most 20 networks".to_owned(),
            error => error.to_string(),
        };
        Problem::invalid(vec![FieldProblem::new("networks".to_owned(), error.code(), message)])
    })?;
    let current = current(current_password, credential.as_ref())?;
    let address = origin(&request).address;
    let replace = move || allowlists.replace(&caller.0, &networks, current);
    let replaced = hashing.run(address, replace).await?;
    Ok(HttpResponse::Ok().json(AllowlistAnswer::new(&replaced, address)))
}
