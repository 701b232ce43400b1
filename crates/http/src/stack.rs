//! What every request passes, from the outside in: numbering, client address, security headers,
//! rendering of errors. CORS follows in `server.rs`; body limits, sanitising, authentication and
//! CSRF are extractors, so that a handler's signature shows them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_cors::{Cors, CorsError};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};
use portcullis_domain::SecureRandom;

use crate::client_address::client_address;
use crate::problem::{Code, Problem};
use crate::request::RequestContext;
use crate::server::Settings;
use crate::services::Services;
use crate::transport::Progress;
use crate::{csrf, docs};

/// The header that names a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives requests names that no other request of any node has.
#[derive(Clone)]
pub(crate) struct Numbering(Arc<(String, AtomicU64)>);

impl Numbering {
    pub(crate) fn new(random: &dyn SecureRandom) -> Self {
        let mut node = [0; 8];
        random.fill(&mut node);
        let node = format!("{:016x}", u64::from_be_bytes(node));
        Self(Arc::new((node, AtomicU64::new(0))))
    }

    /// Another name.
    pub(crate) fn next(&self) -> String {
        let (node, count) = &*self.0;
        format!("{node}-{:x}", count.fetch_add(1, Ordering::Relaxed))
    }
}

/// The outermost layer.
pub(crate) async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let settings = request.app_data::<web::Data<Settings>>().cloned();
    let numbering = request.app_data::<web::Data<Numbering>>();
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let trusted = settings.as_ref().map_or(&[][..], |settings| &settings.trusted_proxies);
    let is_proxy = settings.as_ref().is_some_and(|settings| settings.trusts(peer));
    let context = RequestContext {
        id: given_id(request.headers())
            .filter(|_| is_proxy)
            .or_else(|| numbering.map(|numbering| numbering.next()))
            .unwrap_or_default(),
        address: client_address(peer, request.headers(), trusted),
    };
    request.extensions_mut().insert(context.clone());

    let progress = request.conn_data::<Progress>().cloned();
    let services = request.app_data::<web::Data<Services>>().cloned();
    let response = next.call(request).await?.map_into_boxed_body();
    if let Some(progress) = progress {
        progress.answered();
    }

    let mut response = render_problem(response, &context.id);
    let is_page = response.request().path().starts_with(docs::FOLDER);
    let secure = settings.is_some_and(|settings| settings.secure_cookies);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        headers.insert(REQUEST_ID, id);
    }
    protect(headers, is_page, secure);
    if !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        // Other origins are told nothing, not even what the allowed ones may do.
        headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        headers.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
    }
    if services.is_some_and(|services| services.lifecycle.is_stopping()) {
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

/// The id that a proxy has given the request, if it is a harmless word.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let harmless = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    ((8..=64).contains(&id.len()) && harmless).then(|| id.to_owned())
}

/// Gives every error the one form of body, those of the framework too.
fn render_problem(
    response: ServiceResponse<BoxBody>,
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
    let body = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
    response.map_body(|head, _| {
        head.status = problem.status_code();
        head.headers.insert(header::CONTENT_TYPE, PROBLEM_TYPE);
        BoxBody::new(body)
    })
}

/// The media type of problem documents (RFC 9457).
pub(crate) const PROBLEM_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Headers of every answer (OWASP Secure Headers; ASVS 5.0 section 3.4).
pub(crate) fn protect(headers: &mut HeaderMap, is_page: bool, secure: bool) {
    let policy = if is_page { PAGE_POLICY } else { API_POLICY };
    let always = [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ];
    for (name, value) in always {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // What may be kept says so itself.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if secure {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
}

const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The viewer's own files only; it draws its icons as data, and adds one style sheet by script,
/// which is let in by what it says.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

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
