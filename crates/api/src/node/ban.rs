//! `/api/admin/bans`: lists, imposes and lifts bans of client addresses.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::Timestamp;
use portcullis_flows::access::permission;
use portcullis_flows::node::ban::{AddressPrefix, Ban, BanAdministration};
use portcullis_web::{
    Body, Caller, Code, FieldProblem, Guard, Json, Limit, Method, Problem, Query, Route, ShortText,
    blocking,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of bans.
#[derive(Serialize, ToSchema)]
pub(crate) struct BansAnswer {
    items: Vec<BanAnswer>,
    /// The cursor of the next page; null on the last one.
    #[schema(example = "192.0.2.7")]
    next_cursor: Option<String>,
}

/// A ban.
#[derive(Serialize, ToSchema)]
pub(crate) struct BanAnswer {
    /// The banned address; of an IPv6 network the first one.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// The banned addresses: one IPv4 address, or a /64 network of IPv6.
    #[schema(example = "192.0.2.7")]
    network: String,
    /// The start (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:30:00Z")]
    started_at: Timestamp,
    /// The end (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:40:00Z")]
    ends_at: Timestamp,
    /// The number of former bans of these addresses.
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 0)]
    former_bans: u32,
    /// The actor that imposed the ban: the id of an account, or `operator`; null for a ban by offences.
    #[schema(example = json!(null))]
    imposed_by: Option<String>,
    /// The words of that actor.
    #[schema(example = json!(null))]
    reason: Option<String>,
}

impl From<Ban> for BanAnswer {
    fn from(ban: Ban) -> Self {
        Self {
            address: ban.addresses.first_address().to_string(),
            network: ban.addresses.to_string(),
            started_at: ban.started_at,
            ends_at: ban.ends_at,
            former_bans: ban.former_bans,
            imposed_by: ban.imposed_by.map(|actor| actor.to_string()),
            reason: ban.reason,
        }
    }
}

/// A ban to impose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BanBody {
    /// The address. An IPv6 address stands for its /64 network.
    #[schema(value_type = String, max_length = 256, example = "192.0.2.7")]
    address: ShortText,
    /// The duration in seconds, 1 to 31,622,400 (a year).
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_u32, example = 3600)]
    seconds: u32,
    /// The reason, for other operators.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 256, example = "reported by the library")]
    reason: Option<ShortText>,
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/admin/bans",
    guard: Guard::permitted(&[permission::READ_BANS]),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lists the bans in force, in the order of their addresses as text.
///
/// The header `Link` contains the address of the next page (RFC 8288).
#[utoipa::path(get, path = LIST.path, operation_id = "listBans", tag = "bans",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "The maximum number of bans, 1 to 200, by default 50", example = 50),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page"),
    ),
    responses((status = 200, body = BansAnswer, description = "A page of bans")))]
pub(crate) async fn list(
    request: HttpRequest,
    administration: web::Data<BanAdministration>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&request, &["limit", "cursor"])?;
    let mut faults = Vec::new();
    let limit = query.parsed(
        "limit",
        || format!("use a number from 1 to {MAX_LIMIT}"),
        |text| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)),
        &mut faults,
    );
    let cursor = query.parsed(
        "cursor",
        || "use the next_cursor of the page before, or none".to_owned(),
        |text| text.parse::<AddressPrefix>().ok(),
        &mut faults,
    );
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let page =
        blocking(move || administration.list(cursor, limit.unwrap_or(DEFAULT_LIMIT))).await?;
    let next_cursor = page.next.map(|next| next.first_address().to_string());
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        let next = format!("<{}?{}>; rel=\"next\"", request.path(), query.with("cursor", cursor));
        response.insert_header((header::LINK, next));
    }
    let items = page.bans.into_iter().map(BanAnswer::from).collect();
    Ok(response.json(BansAnswer { items, next_cursor }))
}

pub(crate) const IMPOSE: Route = Route {
    method: Method::Post,
    path: "/api/admin/bans",
    guard: Guard::permitted(&[permission::CHANGE_BANS]).recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[Code::CsrfFailed, Code::UnbannableAddress, Code::OutcomeUnknown, Code::Unavailable],
};

/// Bans an address: on this node immediately, on other nodes within one second.
///
/// The ban replaces a present one of the same address.
#[utoipa::path(post, path = IMPOSE.path, operation_id = "createBan", tag = "bans",
    request_body = BanBody,
    responses((status = 201, body = BanAnswer, description = "The ban")))]
pub(crate) async fn impose(
    caller: Caller,
    administration: web::Data<BanAdministration>,
    body: Json<BanBody>,
) -> Result<HttpResponse, Problem> {
    let BanBody { address, seconds, reason } = body.0;
    let fault = |field: &str, code, message: &str| {
        Problem::invalid(vec![FieldProblem::new(field.to_owned(), code, message.to_owned())])
    };
    let addresses: AddressPrefix = address
        .0
        .parse()
        .map_err(|_| fault("address", "malformed", "use an IPv4 or IPv6 address"))?;
    let duration = Duration::from_secs(seconds.into());
    if duration.is_zero() || duration > BanAdministration::MAX_DURATION {
        return Err(fault("seconds", "out_of_range", "use a number from 1 to 31,622,400"));
    }
    let reason = reason.map(|reason| reason.0).unwrap_or_default();
    let impose = move || administration.impose(&caller.0, addresses, duration, &reason);
    Ok(HttpResponse::Created().json(BanAnswer::from(blocking(impose).await?)))
}

pub(crate) const LIFT: Route = Route {
    method: Method::Delete,
    path: "/api/admin/bans/{address}",
    guard: Guard::permitted(&[permission::CHANGE_BANS]).recent(),
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::CsrfFailed, Code::NotBanned, Code::OutcomeUnknown, Code::Unavailable],
};

/// Lifts a ban, and forgets the former bans of the address: on this node immediately, on other nodes
/// within one second.
#[utoipa::path(delete, path = LIFT.path, operation_id = "deleteBan", tag = "bans",
    params(("address" = String, Path, description = "A banned address; any one of an IPv6 network",
        example = "192.0.2.7")),
    responses((status = 204, description = "The ban is lifted")))]
pub(crate) async fn lift(
    caller: Caller,
    administration: web::Data<BanAdministration>,
    address: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let addresses = address.parse().map_err(|_| Problem::new(Code::NotBanned))?;
    blocking(move || administration.lift(&caller.0, addresses)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The maximum of bans on a page.
const MAX_LIMIT: u32 = 200;

/// The default number of bans on a page.
const DEFAULT_LIMIT: u32 = 50;
