use std::io;
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::rt::signal::unix::{SignalKind, signal};
use actix_web::{App, HttpServer, rt, web};
use ipnet::IpNet;
use portcullis_flows::decision::Decisions;

use crate::services::Services;
use crate::{docs, openapi, routes, stack, workers};

/// How the surface behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Scheme, host and port that browsers reach the server by, such as `https://auth.example.org`.
    pub origin: String,
    /// Further origins whose pages may call the API with credentials; exact, no wildcards.
    pub cors_origins: Vec<String>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether cookies carry `Secure` and the `__Host-` prefix, and answers
    /// `Strict-Transport-Security`.
    pub secure_cookies: bool,
    /// Whether `/api/docs` is served.
    pub docs: bool,
    /// Threads that serve requests; `None` for one per core.
    pub workers: Option<usize>,
}

impl Settings {
    /// Whether pages of this origin may call the API with credentials.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.origin == origin || self.cors_origins.iter().any(|allowed| allowed == origin)
    }
}

/// How long requests that are being served may go on after a signal to stop.
const DRAIN_SECONDS: u64 = 10;

/// How long the recorder may go on after the last request.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Serves on the listener until SIGTERM or SIGINT, then lets requests under way finish and writes
/// what waits to be recorded. Calls `ready` as soon as such a signal would be heeded and requests are
/// answered.
pub fn serve(
    listener: TcpListener,
    services: Services,
    settings: Settings,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let decisions = Arc::clone(&services.decisions);
    let served = rt::System::new().block_on(async {
        let server = build(listener, services, settings, Signals::Handled)?;
        ready();
        server.await
    });
    served.and(close(&decisions))
}

/// Writes what waits to be recorded; what cannot be written is named, and an error.
fn close(decisions: &Decisions) -> io::Result<()> {
    match decisions.recorder().close(CLOSE_TIMEOUT) {
        None => Ok(()),
        Some(unrecorded) => {
            tracing::error!(%unrecorded, "the database took nothing: decisions are lost");
            Err(io::Error::other(format!("{unrecorded} could not be recorded and are lost")))
        }
    }
}

/// Serves on the listener, in threads of its own, until the answer is dropped.
pub fn spawn(listener: TcpListener, services: Services, settings: Settings) -> io::Result<Running> {
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        let decisions = Arc::clone(&services.decisions);
        let served = rt::System::new().block_on(async {
            let server = build(listener, services, settings, Signals::Ignored)?;
            let _ = send.send(server.handle());
            server.await
        });
        served.and(close(&decisions))
    });
    match receive.recv() {
        Ok(handle) => Ok(Running { handle, thread: Some(thread) }),
        Err(_) => Err(io::Error::other("the server did not start")),
    }
}

/// A server that runs in threads of its own.
pub struct Running {
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Signals {
    Handled,
    Ignored,
}

fn build(
    listener: TcpListener,
    services: Services,
    settings: Settings,
    signals: Signals,
) -> io::Result<Server> {
    let services = web::Data::new(services);
    workers::start(&services)?;
    let feed = services.feed.clone();
    let settings = web::Data::new(settings);
    let document = web::Data::new(openapi::Document::new());
    let workers = settings.workers;
    let numbering = web::Data::new(stack::Numbering::new(&*services.random));
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(services.clone())
            .app_data(settings.clone())
            .app_data(document.clone())
            .app_data(numbering.clone())
            .configure(routes::configure)
            .configure(|app| docs::configure(app, settings.docs))
            .default_service(web::to(routes::no_such_route))
            .wrap(stack::cors(&settings))
            .wrap(from_fn(stack::edge))
    })
    .client_request_timeout(Duration::from_secs(5))
    .client_disconnect_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(60))
    .shutdown_timeout(DRAIN_SECONDS);
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    server = match signals {
        Signals::Ignored => server.disable_signals(),
        Signals::Handled => {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            server.shutdown_signal(async move {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                // Streams have no end of their own, and the server waits for every answer.
                feed.tail.close();
            })
        }
    };
    Ok(server.listen(listener)?.run())
}
