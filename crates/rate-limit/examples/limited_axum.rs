//! An axum service with a general rate limit; `README.md` says how to try it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use portcullis_domain::{Clock, SystemClock};
use portcullis_rate_limit::{Demand, LocalLimiter, Quota, Subject, headers};

struct Limits {
    limiter: LocalLimiter,
    general: Quota,
    clock: SystemClock,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = Arc::new(Limits {
        limiter: LocalLimiter::new(16 << 20),
        general: Quota::gcra("general", 5, Duration::from_secs(60))?,
        clock: SystemClock::new(),
    });
    tokio::spawn(sweep(Arc::clone(&limits)));
    let app = Router::new()
        .route("/", get(async || "hello\n"))
        .layer(from_fn_with_state(limits, limit))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8091)).await?;
    Ok(axum::serve(listener, app).await?)
}

/// Answers 429 before anything of the request is read. Behind a proxy, the subject is the client
/// address that a trusted proxy reports, not the peer.
async fn limit(
    State(limits): State<Arc<Limits>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let demands = [Demand { quota: &limits.general, subject: Subject::from(peer.ip()) }];
    let Ok(states) = limits.limiter.acquire(limits.clock.monotonic(), &demands) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = if states.is_allowed() {
        next.run(request).await
    } else {
        StatusCode::TOO_MANY_REQUESTS.into_response()
    };
    for (name, value) in headers::fields(&states) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Removes expired entries, so that no address is kept longer than necessary.
async fn sweep(limits: Arc<Limits>) {
    let mut interval = tokio::time::interval(Duration::from_secs(10));
    loop {
        interval.tick().await;
        limits.limiter.sweep(limits.clock.monotonic());
    }
}
