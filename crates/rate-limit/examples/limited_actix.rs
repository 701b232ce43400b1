//! An actix-web service with two rate limits on one route; `README.md` says how to try it.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpResponse, HttpServer, web};
use portcullis_domain::{Clock, SystemClock};
use portcullis_rate_limit::{Demand, LocalLimiter, Quota, Subject, headers};

struct Limits {
    limiter: LocalLimiter,
    general: Quota,
    sign_in: Quota,
    clock: SystemClock,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = web::Data::new(Limits {
        limiter: LocalLimiter::new(16 << 20),
        general: Quota::gcra("general", 100, Duration::from_secs(60))?,
        sign_in: Quota::sliding("signin", 5, Duration::from_secs(60))?,
        clock: SystemClock::new(),
    });
    actix_web::rt::spawn(sweep(limits.clone()));
    let app = move || {
        let sign_in = web::post().to(async || "welcome\n").wrap(from_fn(limit));
        App::new().app_data(limits.clone()).route("/sign-in", sign_in)
    };
    Ok(HttpServer::new(app).workers(1).bind(("127.0.0.1", 8092))?.run().await?)
}

/// Answers 429 before anything of the body is read. Behind a proxy, the subject is the client
/// address that a trusted proxy reports, not the peer.
async fn limit(
    limits: web::Data<Limits>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let peer = request.peer_addr().ok_or_else(|| ErrorInternalServerError("no peer address"))?;
    let subject = Subject::from(peer.ip());
    let demands =
        [Demand { quota: &limits.sign_in, subject }, Demand { quota: &limits.general, subject }];
    let states = limits.limiter.acquire(limits.clock.monotonic(), &demands);
    let states = states.map_err(ErrorInternalServerError)?;
    let mut response = if states.is_allowed() {
        next.call(request).await?.map_into_left_body()
    } else {
        let refusal = HttpResponse::TooManyRequests().body("too many requests\n");
        request.into_response(refusal).map_into_right_body()
    };
    for (name, value) in headers::fields(&states) {
        let value = HeaderValue::from_str(&value).map_err(ErrorInternalServerError)?;
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(response)
}

/// Removes expired entries, so that no address is kept longer than necessary.
async fn sweep(limits: web::Data<Limits>) {
    let mut interval = actix_web::rt::time::interval(Duration::from_secs(10));
    loop {
        interval.tick().await;
        limits.limiter.sweep(limits.clock.monotonic());
    }
}
