//! The last steps of every response: the form of errors, headers, and the log.

use std::time::Duration;

use actix_cors::CorsError;
use actix_web::ResponseError;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::web;
use portcullis_domain::Ambient;

use crate::group::{ErrorBody, Group, Redirect};
use crate::headers::protect;
use crate::problem::{Code, Problem, Shown};
use crate::request::RequestContext;
use crate::request_id::REQUEST_ID;
use crate::request_metrics::RequestMeter;
use crate::settings::Settings;
use crate::trace_context::{TRACEPARENT, TraceContext};
use crate::traces::RequestSpan;

/// Gives every error the form of its group, including those of the framework.
pub(super) fn render_problem(
    response: ServiceResponse<BoxBody>,
    group: &Group,
    request_id: &str,
    meter: Option<&RequestMeter>,
) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error {
        return response;
    }
    let count = |code| meter.iter().for_each(|meter| meter.count_problem(code));
    let shown = response.response().extensions().get::<Shown>().copied();
    if let Some(Shown(code)) = shown {
        count(code);
        return response;
    }
    let error = response.response().error();
    let known = error.and_then(|error| error.as_error::<Problem>()).cloned();
    let problem = known.unwrap_or_else(|| match error.and_then(|error| error.as_error()) {
        Some(CorsError::OriginNotAllowed) => Problem::new(Code::ForeignOrigin),
        _ => Problem::of_status(status),
    });
    let redirect = (group.redirect)(response.request(), &problem);
    let redirect = redirect.map(|redirect| match redirect {
        Redirect::Page(path) => (StatusCode::SEE_OTHER, path),
        Redirect::Repeat(path) => (StatusCode::TEMPORARY_REDIRECT, path),
    });
    if let Some((status, path)) = redirect
        && let Ok(location) = HeaderValue::from_str(&path)
    {
        return response.map_body(|head, _| {
            head.status = status;
            head.headers.remove(header::WWW_AUTHENTICATE);
            head.headers.insert(header::LOCATION, location);
            BoxBody::new(())
        });
    }
    count(problem.code);
    let ErrorBody { media_type, bytes } = (group.error)(response.request(), &problem, request_id);
    response.map_body(|head, _| {
        head.status = problem.status_code();
        head.headers.insert(header::CONTENT_TYPE, media_type);
        BoxBody::new(bytes)
    })
}

/// Adds the request id, the trace context and the security headers.
pub(super) fn add_headers(
    response: &mut ServiceResponse<BoxBody>,
    group: &Group,
    context: &RequestContext,
    secure: bool,
) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        headers.insert(REQUEST_ID, id);
    }
    let trace = context.trace.filter(|trace| trace.is_named);
    if let Some(trace) = trace.and_then(|trace| trace.header()) {
        headers.insert(TRACEPARENT, trace);
    }
    protect(headers, group.policies(), secure);
    if !group.is_shared {
        headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    }
    if !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        // Other origins get no CORS headers, not even those that describe the allowed requests.
        headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        headers.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
    }
}

/// The connection ends after this response.
pub(super) fn close_connection(response: &mut ServiceResponse<BoxBody>) {
    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
}

/// Gives the request to the exporter of traces, if that takes it.
pub(super) fn record(
    response: &ServiceResponse<BoxBody>,
    context: &RequestContext,
    duration: Duration,
) {
    let request = response.request();
    let settings = request.app_data::<web::Data<Settings>>();
    let ambient = request.app_data::<web::Data<Ambient>>();
    if let (Some(sink), Some(trace), Some(ambient)) =
        (settings.and_then(|settings| settings.traces.as_ref()), context.trace, ambient)
        && context.is_recorded
    {
        let TraceContext { trace, parent, span, .. } = trace;
        sink.record(RequestSpan {
            trace: trace.0,
            parent: parent.map(|parent| parent.0),
            span: span.0,
            route: context.counters.get().map(|counters| counters.route),
            status: response.status().as_u16(),
            request_id: context.id.clone(),
            ended_at: ambient.clock.now(),
            duration,
        });
    }
}

/// Logs the response.
pub(super) fn log(response: &ServiceResponse<BoxBody>, context: &RequestContext) {
    let request = response.request();
    let (method, path) = (request.method(), request.path());
    let (status, id) = (response.status().as_u16(), context.id.as_str());
    if status >= 500 && status != 503 {
        tracing::error!(%method, path, status, request_id = id, "request failed");
    } else {
        tracing::debug!(%method, path, status, request_id = id, address = %context.address, "request");
    }
}
