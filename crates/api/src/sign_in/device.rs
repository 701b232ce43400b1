//! `/api/auth/devices`: the known devices of the caller: list, forget one.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{DisplayName, Timestamp};
use portcullis_flows::sign_in::device::{DeviceRecord, Devices};
use portcullis_token::DeviceId;
use portcullis_web::{
    Body, Caller, Code, CookieName, Guard, Limit, Method, Priority, Problem, Query, Route,
    Settings, add_cookie, blocking, cookie, forget_cookie,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::sign_in::session::device::DeviceAnswer;

/// The known devices of the caller, the latest used first.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicesAnswer {
    items: Vec<KnownDeviceAnswer>,
    /// Always null: all devices are on one page.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// A known device: a browser that has signed in before.
#[derive(Serialize, ToSchema)]
pub(crate) struct KnownDeviceAnswer {
    /// The id of the device.
    #[schema(example = "mJ3tTzK0S1aGq0W3l4n8bg")]
    id: String,
    device: DeviceAnswer,
    /// The client address of its latest sign-in.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// The time of its first sign-in (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:31:00Z")]
    created_at: Timestamp,
    /// The time of its latest sign-in or refresh (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T10:01:00Z")]
    last_used_at: Timestamp,
    /// True for the browser of this request.
    #[schema(example = true)]
    current: bool,
}

impl KnownDeviceAnswer {
    pub(crate) fn of(device: &DeviceRecord, current: Option<DeviceId>) -> Self {
        let name = device.name.as_ref().map(DisplayName::as_str);
        Self {
            id: device.id.to_string(),
            device: DeviceAnswer::of(name, device.user_agent.as_deref()),
            address: device.address.to_string(),
            created_at: device.created_at,
            last_used_at: device.last_used_at,
            current: current == Some(device.id),
        }
    }
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: "/api/auth/devices",
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::InvalidRequest, Code::Unavailable],
};

/// Lists the known devices of the caller: browsers with a device cookie.
#[utoipa::path(get, path = LIST.path, operation_id = "listDevices", tag = "auth",
    responses((status = 200, body = DevicesAnswer, description = "The devices")))]
pub(crate) async fn list(
    caller: Caller,
    request: HttpRequest,
    devices: web::Data<Devices>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request)?;
    let account = caller.account()?;
    let current = cookie(&request, CookieName::Device)?;
    let current = current.and_then(|cookie| devices.current(account, &cookie));
    let records = blocking(move || devices.list(account)).await?;
    let items = records.iter().map(|device| KnownDeviceAnswer::of(device, current)).collect();
    Ok(HttpResponse::Ok().json(DevicesAnswer { items, next_cursor: None }))
}

pub(crate) const FORGET: Route = Route {
    method: Method::Delete,
    path: "/api/auth/devices/{id}",
    guard: Guard::CALLER,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[
        Code::CsrfFailed,
        Code::NotFound,
        Code::AmbiguousCredentials,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Forgets a device of the caller and ends its sessions.
///
/// Its next sign-in is that of an unknown device.
#[utoipa::path(delete, path = FORGET.path, operation_id = "forgetDevice", tag = "auth",
    params(("id" = String, Path, description = "The device", example = "mJ3tTzK0S1aGq0W3l4n8bg")),
    responses((status = 204, description = "The device is forgotten")))]
pub(crate) async fn forget(
    caller: Caller,
    request: HttpRequest,
    devices: web::Data<Devices>,
    settings: web::Data<Settings>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let device: DeviceId = id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let (account, session) = caller.session()?;
    let shown = cookie(&request, CookieName::Device)?;
    let is_current = shown.and_then(|cookie| devices.current(account, &cookie)) == Some(device);
    let forget = move || devices.forget(account, session, device, &caller.0.origin);
    if !blocking(forget).await? {
        return Err(Problem::new(Code::NotFound));
    }
    let mut response = HttpResponse::NoContent().finish();
    if is_current {
        let forget = forget_cookie(CookieName::Device, settings.secure_cookies);
        add_cookie(&mut response, &forget);
    }
    Ok(response)
}
