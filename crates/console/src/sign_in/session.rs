//! `/console/sessions`: the own sessions and known devices, each with its end.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use portcullis_domain::{DisplayName, SessionId};
use portcullis_flows::sign_in::device::{DeviceRecord, Devices};
use portcullis_flows::sign_in::device_description::DeviceDescription;
use portcullis_flows::sign_in::session::{ActiveSession, Sessions};
use portcullis_web::{
    Body, Code, CookieName, Form, Guard, Limit, Method, Priority, Problem, Route, Settings,
    add_cookie, blocking, cookie, forget_cookie, forget_session,
};

use crate::form::{EmptyForm, IdForm};
use crate::moment::Moment;
use crate::page::{Frame, Person, page, see};
use crate::paths;
use crate::site::Site;
use crate::strings::ENGLISH;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage<'a> {
    frame: Frame<'a>,
    sessions: Vec<SessionItem>,
    devices: Vec<SessionItem>,
    end: &'static str,
    end_others: &'static str,
    forget: &'static str,
}

/// A session or a device in a list.
pub(crate) struct SessionItem {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) begun_at: Moment,
    pub(crate) last_used_at: Moment,
    pub(crate) is_current: bool,
}

impl SessionItem {
    pub(crate) fn session(session: &ActiveSession, current: SessionId) -> Self {
        let name = session.device_name.as_ref();
        Self {
            id: session.id.to_string(),
            name: described(name, session.user_agent.as_deref()),
            address: session.address.to_string(),
            begun_at: Moment(session.created_at),
            last_used_at: Moment(session.last_used_at),
            is_current: session.id == current,
        }
    }

    fn device(device: &DeviceRecord, is_current: bool) -> Self {
        Self {
            id: device.id.to_string(),
            name: described(device.name.as_ref(), device.user_agent.as_deref()),
            address: device.address.to_string(),
            begun_at: Moment(device.created_at),
            last_used_at: Moment(device.last_used_at),
            is_current,
        }
    }
}

fn described(name: Option<&DisplayName>, user_agent: Option<&str>) -> String {
    DeviceDescription::of(name.map(DisplayName::as_str), user_agent).name
}

pub(crate) const LIST: Route = Route {
    method: Method::Get,
    path: paths::SESSIONS,
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::Unavailable],
};

/// Lists the sessions and the known devices.
pub(crate) async fn list(
    person: Person,
    request: HttpRequest,
    site: web::Data<Site>,
    sessions: web::Data<Sessions>,
    devices: web::Data<Devices>,
) -> Result<HttpResponse, Problem> {
    let (account, current) = person.session()?;
    let shown = cookie(&request, CookieName::Device)?;
    let this = shown.and_then(|cookie| devices.current(account, &cookie));
    let read = move || {
        Ok::<_, portcullis_flows::StoreError>((sessions.list(account)?, devices.list(account)?))
    };
    let (sessions, devices) = blocking(read).await?;
    let devices = devices.iter().map(|device| SessionItem::device(device, Some(device.id) == this));
    page(&SessionsPage {
        frame: Frame::of(&person, &site, ENGLISH.sessions_title, paths::SESSIONS),
        sessions: sessions.iter().map(|session| SessionItem::session(session, current)).collect(),
        devices: devices.collect(),
        end: END.path,
        end_others: END_OTHERS.path,
        forget: FORGET.path,
    })
}

pub(crate) const END: Route = Route {
    method: Method::Post,
    path: "/console/sessions/end",
    guard: Guard::CALLER,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::FORM,
    errors: &[Code::CsrfFailed, Code::OutcomeUnknown, Code::Unavailable],
};

/// Ends one session. One that has ended already is gone from the list too.
pub(crate) async fn end(
    person: Person,
    sessions: web::Data<Sessions>,
    settings: web::Data<Settings>,
    form: Form<IdForm>,
) -> Result<HttpResponse, Problem> {
    let session: SessionId = form.0.id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let (account, current) = person.session()?;
    let origin = person.principal.origin.clone();
    blocking(move || sessions.end(account, current, session, &origin)).await?;
    if session != current {
        return Ok(see(paths::SESSIONS));
    }
    let mut response = see(paths::SIGN_OUT);
    forget_session(&mut response, settings.secure_cookies);
    Ok(response)
}

pub(crate) const END_OTHERS: Route = Route { path: "/console/sessions/end-others", ..END };

/// Ends all sessions but this one.
pub(crate) async fn end_others(
    person: Person,
    sessions: web::Data<Sessions>,
    _form: Form<EmptyForm>,
) -> Result<HttpResponse, Problem> {
    let (account, current) = person.session()?;
    let origin = person.principal.origin.clone();
    blocking(move || sessions.end_others(account, current, &origin)).await?;
    Ok(see(paths::SESSIONS))
}

pub(crate) const FORGET: Route = Route { path: "/console/sessions/forget-device", ..END };

/// Forgets a device, and ends its sessions.
pub(crate) async fn forget(
    person: Person,
    request: HttpRequest,
    devices: web::Data<Devices>,
    settings: web::Data<Settings>,
    form: Form<IdForm>,
) -> Result<HttpResponse, Problem> {
    let device = form.0.id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let (account, session) = person.session()?;
    let shown = cookie(&request, CookieName::Device)?;
    let is_current = shown.and_then(|cookie| devices.current(account, &cookie)) == Some(device);
    let origin = person.principal.origin.clone();
    blocking(move || devices.forget(account, session, device, &origin)).await?;
    let mut response = see(paths::SESSIONS);
    if is_current {
        add_cookie(&mut response, &forget_cookie(CookieName::Device, settings.secure_cookies));
    }
    Ok(response)
}
