//! The cost of the request stack: one request at a time over one connection, to the same handler
//! with and without the stack.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin should stop at once")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, rt, web};
use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_domain::Ambient;
use portcullis_rate_limit::{Limiter, LocalLimiter, Quota};
use portcullis_web::{
    Body, Guard, Lifecycle, Limit, Method, Mount, RateLimitSettings, RateLimits, Route, RouteTable,
    Router, Service, Settings,
};

criterion_group!(benches, requests);
criterion_main!(benches);

type Start = fn(TcpListener) -> Server;

const ROUTE: Route = Route {
    method: Method::Get,
    path: "/account",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

/// About as many bytes as an account has.
async fn account() -> String {
    "0123456789".repeat(32)
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request");
    let servers: [(&str, Start); 2] = [("bare", bare), ("stack", with_stack)];
    for (name, server) in servers {
        let mut stream = TcpStream::connect(start(server)).unwrap();
        stream.set_nodelay(true).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| exchange(&mut stream)));
    }
    group.finish();
}

fn bare(listener: TcpListener) -> Server {
    let app = || App::new().route(ROUTE.path, web::get().to(account));
    HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run()
}

fn with_stack(listener: TcpListener) -> Server {
    let ambient = Ambient::system();
    let wide = |name| Quota::gcra(name, 1_000_000, Duration::from_secs(1)).unwrap();
    let quotas = RateLimitSettings {
        requests: wide("requests"),
        account_requests: wide("account_requests"),
        key_requests: wide("key_requests"),
        routes: Vec::new(),
        exempt_networks: Vec::new(),
    };
    let limiter = Limiter::local_only(Arc::new(LocalLimiter::new(0)));
    let origin = "http://127.0.0.1".to_owned();
    let service = Service {
        settings: Settings { workers: Some(1), ..Settings::new(origin) },
        rate_limits: Arc::new(RateLimits::new(Some(quotas), limiter, ambient.clock.clone())),
        lifecycle: Arc::new(Lifecycle::default()),
        ambient,
        groups: &[],
    };
    let routes = Arc::new(|app: &mut web::ServiceConfig, limits: &_| {
        let mut mount = Mount::new(app, limits);
        mount.add(&ROUTE, account);
        mount.otherwise(RouteTable(vec![&ROUTE]));
    });
    service.server(listener, routes).unwrap()
}

/// Serves on a thread of its own until the process ends.
fn start(server: Start) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, started) = mpsc::channel();
    thread::spawn(move || {
        rt::System::new().block_on(async {
            let server = server(listener);
            send.send(()).unwrap();
            server.await.unwrap();
        });
    });
    started.recv().unwrap();
    address
}

/// Sends a request such as browsers send, and reads the answer.
fn exchange(stream: &mut TcpStream) {
    const REQUEST: &[u8] = b"GET /account HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\
        user-agent: bench\r\norigin: https://app.example.org\r\n\r\n";
    let mut buffer = [0; 8192];
    stream.write_all(REQUEST).unwrap();
    let length = stream.read(&mut buffer).unwrap();
    assert!(buffer.get(..length).unwrap().ends_with(b"0123456789"));
}
