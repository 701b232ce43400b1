use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_server::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::rt::signal::unix::{SignalKind, signal};
use actix_web::{App, rt, web};
use ipnet::IpNet;
use portcullis_domain::Supervised;

use crate::lifecycle::{DRAIN_TIMEOUT, STOP_TIMEOUT, ServeError};
use crate::services::Services;
use crate::stack::{self, Numbering};
use crate::transport::{self, Common};
use crate::{docs, openapi, routes, workers};

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
    /// How long the server goes on to accept and answer after a signal to stop, while it says that it
    /// is not ready.
    pub shutdown_delay: Duration,
    /// Lines that could not be written to the log; whoever writes it counts them.
    pub log_lines_lost: Arc<AtomicU64>,
}

impl Settings {
    /// Whether what this peer says of the client is believed.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&peer.to_canonical()))
    }

    /// Whether pages of this origin may call the API with credentials.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.origin == origin || self.cors_origins.iter().any(|allowed| allowed == origin)
    }
}

/// Serves on the listener until SIGTERM or SIGINT, then finishes what is under way and stops.
/// Calls `ready` as soon as such a signal would be heeded and requests are answered.
///
/// # Errors
///
/// When the server cannot be started, when a part of it ends by itself, and when something is lost
/// because stopping takes too long.
pub fn serve(
    listener: TcpListener,
    services: Services,
    settings: Settings,
    ready: impl FnOnce() + Send + 'static,
) -> Result<(), ServeError> {
    let limit = settings.shutdown_delay + STOP_TIMEOUT;
    let (told, stopping) = mpsc::channel();
    let (report, outcome) = mpsc::channel();
    // On this thread, whose memory grows by larger steps.
    let document = web::Data::new(openapi::Document::new());
    // Not on this thread: a runtime that ends waits for its last blocking call, however long.
    let thread = Supervised::once("server", move || {
        rt::System::new().block_on(async {
            // Before the runtime ends.
            let _ = report.send(run(listener, document, services, settings, ready, &told).await);
        });
    })?;
    // What is sent, or that nothing will be, says that the end has begun.
    let _ = stopping.recv();
    thread.join(limit);
    outcome.try_recv().unwrap_or(Err(ServeError::Part("server")))
}

/// Serves until a signal or a fault, and then as long as requests are under way.
async fn run(
    listener: TcpListener,
    document: web::Data<openapi::Document>,
    services: Services,
    settings: Settings,
    ready: impl FnOnce(),
    told: &mpsc::Sender<()>,
) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut signalled = async || {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    };
    let delay = settings.shutdown_delay;
    let services = web::Data::new(services);
    let server = build(listener, document, services.clone(), settings)?;
    let handle = server.handle();
    let mut server = rt::spawn(server);
    // It goes on to the end, in which requests are still answered.
    let mut work = rt::spawn(workers::run(services.clone()));
    ready();
    let ended = tokio::select! {
        outcome = &mut server => return Ok(outcome.map_err(io::Error::other)??),
        part = &mut work => Err(ServeError::Part(part.unwrap_or("workers"))),
        () = signalled() => Ok(()),
    };
    services.lifecycle.stop();
    let _ = told.send(());
    if let Err(error) = &ended {
        tracing::error!(%error, "stopping");
    } else {
        tracing::info!(delay = delay.as_secs_f64(), "stopping: not ready any more");
        // A second signal is of somebody in a hurry.
        tokio::select! { () = rt::time::sleep(delay) => {}, () = signalled() => {} }
    }
    // Streams have no end of their own, and the server waits for every answer.
    services.feed.tail.close();
    services.lifecycle.drain();
    let begun = services.clock.monotonic();
    let is_drained = rt::time::timeout(DRAIN_TIMEOUT, handle.stop(true)).await.is_ok();
    // Idle connections are closed by now: those that are left wait for answers, in vain.
    let connections = if is_drained { 0 } else { services.lifecycle.connections() };
    let left = STOP_TIMEOUT.saturating_sub(services.clock.monotonic().saturating_sub(begun));
    let unrecorded = services.decisions.recorder().close(left.saturating_sub(END_MARGIN));
    work.abort();
    if connections > 0 || unrecorded.is_some() {
        return Err(ServeError::Lost { connections, unrecorded });
    }
    ended
}

/// What the last steps of the end may take.
const END_MARGIN: Duration = Duration::from_millis(1500);

/// How long the recorder of such a server may go on after the last request.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Serves on the listener, in threads of its own, until the answer is dropped.
pub fn spawn(listener: TcpListener, services: Services, settings: Settings) -> io::Result<Running> {
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        let decisions = Arc::clone(&services.decisions);
        let served = rt::System::new().block_on(async {
            let services = web::Data::new(services);
            let document = web::Data::new(openapi::Document::new());
            let server = build(listener, document, services.clone(), settings)?;
            let _ = send.send(server.handle());
            // As long as the server runs.
            let _work = rt::spawn(workers::run(services));
            server.await
        });
        let unrecorded = decisions.recorder().close(CLOSE_TIMEOUT);
        if let Some(unrecorded) = unrecorded {
            tracing::error!(%unrecorded, "decisions are lost");
        }
        served
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

fn build(
    listener: TcpListener,
    document: web::Data<openapi::Document>,
    services: web::Data<Services>,
    settings: Settings,
) -> io::Result<Server> {
    let common = Common {
        settings: web::Data::new(settings),
        numbering: web::Data::new(Numbering::new(&*services.random)),
        clock: services.clock.clone(),
        lifecycle: services.lifecycle.clone(),
    };
    let Common { settings, numbering, .. } = common.clone();
    let app = move || {
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
    };
    transport::server(app, listener, &common)
}
