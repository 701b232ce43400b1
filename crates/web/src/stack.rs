//! The request stack, from the outside in: request id, client address, security headers, form of
//! errors. CORS follows in `server.rs`, guard and limit with the route (`route.rs`), the body in
//! the arguments of the handler (`body.rs`).

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use actix_cors::{Cors, CorsError};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use portcullis_rate_limit::headers;

use crate::client_address::client_address;
use crate::csrf;
use crate::group::{API, ErrorBody, Group, Groups};
use crate::headers::protect;
use crate::lifecycle::Lifecycle;
use crate::problem::{Code, Problem};
use crate::request::RequestContext;
use crate::request_id::{REQUEST_ID, RequestIds};
use crate::settings::Settings;
use crate::transport::Progress;

/// The outermost layer.
pub(crate) async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let settings = request.app_data::<web::Data<Settings>>().cloned();
    let request_ids = request.app_data::<web::Data<RequestIds>>();
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let is_proxy = settings.as_ref().is_some_and(|settings| settings.trusts(peer));
    let context = Rc::new(RequestContext {
        id: given_id(request.headers())
            .filter(|_| is_proxy)
            .or_else(|| request_ids.map(|request_ids| request_ids.next()))
            .unwrap_or_default(),
        address: settings.as_ref().map_or(peer, |settings| {
            let Settings { trusted_proxies, forwarding_header, .. } = &***settings;
            client_address(peer, request.headers(), trusted_proxies, *forwarding_header)
        }),
    });
    request.extensions_mut().insert(Rc::clone(&context));

    let progress = request.conn_data::<Progress>().cloned();
    let lifecycle = request.app_data::<web::Data<Lifecycle>>().cloned();
    let groups = request.app_data::<Groups>();
    let group = groups.map_or(&API, |groups| groups.of(request.path()));
    let response = next.call(request).await?.map_into_boxed_body();
    if let Some(progress) = progress {
        progress.answered();
    }

    let mut response = render_problem(response, group, &context.id);
    let secure = settings.is_some_and(|settings| settings.secure_cookies);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        headers.insert(REQUEST_ID, id);
    }
    protect(headers, group.content_policy, secure);
    if !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        // Other origins get no CORS headers, not even those that describe the allowed requests.
        headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        headers.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
    }
    if lifecycle.is_some_and(|lifecycle| lifecycle.is_stopping()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    log(&response, &context);
    Ok(response)
}

/// Cross-origin requests: exact origins, with credentials, and nothing else.
pub(crate) fn cors(settings: &Settings) -> Cors {
    let mut cors = Cors::default()
        .allowed_methods(["GET", "POST", "PATCH", "DELETE"])
        .allowed_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static(csrf::HEADER),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            header::LINK,
            header::CONTENT_DISPOSITION,
            HeaderName::from_static(headers::RATE_LIMIT),
            HeaderName::from_static(headers::RATE_LIMIT_POLICY),
            REQUEST_ID,
        ])
        .supports_credentials()
        .block_on_origin_mismatch(false)
        .max_age(600);
    for origin in &settings.cors_origins {
        cors = cors.allowed_origin(origin);
    }
    cors
}

/// The request id from a proxy, if its form is safe.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let harmless = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    ((8..=64).contains(&id.len()) && harmless).then(|| id.to_owned())
}

/// Gives every error the same form of body, including those of the framework.
fn render_problem(
    response: ServiceResponse<BoxBody>,
    group: &Group,
    request_id: &str,
) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let error = response.response().error();
    let known = error.and_then(|error| error.as_error::<Problem>()).cloned();
    let problem = known.unwrap_or_else(|| match error.and_then(|error| error.as_error()) {
        Some(CorsError::OriginNotAllowed) => Problem::new(Code::ForeignOrigin),
        _ => Problem::of_status(status),
    });
    let ErrorBody { media_type, bytes } = (group.error)(&problem, request_id);
    response.map_body(|head, _| {
        head.status = problem.status_code();
        head.headers.insert(header::CONTENT_TYPE, media_type);
        BoxBody::new(bytes)
    })
}

fn log(response: &ServiceResponse<BoxBody>, context: &RequestContext) {
    let request = response.request();
    let (method, path) = (request.method(), request.path());
    let (status, id) = (response.status().as_u16(), context.id.as_str());
    if status >= 500 && status != 503 {
        tracing::error!(%method, path, status, request_id = id, "request failed");
    } else {
        tracing::debug!(%method, path, status, request_id = id, address = %context.address, "request");
    }
}
