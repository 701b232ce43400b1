//! An actix-web service behind the request stack, with nothing else of Portcullis; `README.md` says
//! how to try it.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{rt, web};
use portcullis_domain::Ambient;
use portcullis_rate_limit::{Limiter, LocalLimiter, Quota};
use portcullis_web::{
    Body, Guard, Json, Lifecycle, Limit, Method, Mount, RateLimit, RateLimitSettings, RateLimits,
    Route, RouteTable, Router, Service, Settings, ShortText,
};
use serde::Deserialize;

/// Five greetings in a minute from one client address.
static GREETINGS: RateLimit = RateLimit::new("greetings", 5, Duration::from_secs(60));

const HELLO: Route = Route {
    method: Method::Get,
    path: "/hello/{name}",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

const GREET: Route = Route {
    method: Method::Post,
    path: "/greetings",
    limit: Limit::rate(&GREETINGS),
    body: Body::JSON,
    ..HELLO
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    text: ShortText,
}

async fn hello(name: web::Path<String>) -> String {
    format!("Hello, {name}!\n")
}

async fn greet(Json(Greeting { text: ShortText(text) }): Json<Greeting>) -> String {
    format!("{text}\n")
}

fn routes(to: &mut impl Router) {
    to.add(&HELLO, hello);
    to.add(&GREET, greet);
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:8093")?;
    let ambient = Ambient::system();
    let quotas = RateLimitSettings {
        requests: Quota::gcra("requests", 100, Duration::from_secs(1))?,
        account_requests: Quota::gcra("account_requests", 100, Duration::from_secs(1))?,
        key_requests: Quota::gcra("key_requests", 100, Duration::from_secs(1))?,
        routes: vec![*GREETINGS.quota()],
        exempt_networks: Vec::new(),
    };
    let limiter = Limiter::local_only(Arc::new(LocalLimiter::new(16 << 20)));
    let rate_limits = Arc::new(RateLimits::new(Some(quotas), limiter, ambient.clock.clone()));
    rt::spawn(sweep(rate_limits.clone()));
    let service = Service {
        settings: Settings::new("http://127.0.0.1:8093".to_owned()),
        rate_limits,
        lifecycle: Arc::new(Lifecycle::default()),
        ambient,
        groups: &[],
    };
    let mount = Arc::new(|app: &mut web::ServiceConfig, limits: &_| {
        let mut mount = Mount::new(app, limits);
        routes(&mut mount);
        let mut table = RouteTable::default();
        routes(&mut table);
        mount.otherwise(table);
    });
    Ok(service.server(listener, mount)?.await?)
}

/// Removes expired windows, so that no address is kept longer than necessary.
async fn sweep(limits: Arc<RateLimits>) {
    let mut interval = rt::time::interval(Duration::from_secs(10));
    loop {
        interval.tick().await;
        limits.sweep();
    }
}
