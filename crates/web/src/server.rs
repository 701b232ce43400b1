//! The server: from its listeners to the end of its last request.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_server::{Server, ServerHandle};
use actix_web::{rt, web};
use futures_util::future::{join_all, select_all, try_join_all};
use portcullis_domain::{Clock, Supervised};
use portcullis_flows::node::job::RunningJobs;

use crate::application::{Application, Background, Part};
use crate::lifecycle::{DRAIN_TIMEOUT, STOP_TIMEOUT, ServeError};
use crate::listeners::Listeners;
use crate::servers;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::tls::Tls;

/// A change of the state of a server, for the service manager of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Requests are answered.
    Ready,
    /// SIGHUP was received.
    Reloading,
    /// What SIGHUP reloads is in use, or was refused and logged.
    Reloaded,
    /// The shutdown has begun.
    Stopping,
}

/// The receiver of the phases. It must not block.
type Report = Arc<dyn Fn(Phase) + Send + Sync>;

/// Serves on the listeners until a signal, then finishes the requests under way and stops. Reports
/// each phase; `report` must not block.
///
/// # Errors
///
/// If the server cannot be started, if a part of it ends by itself, and if something is lost
/// because stopping takes too long.
pub fn serve(
    listeners: impl Into<Listeners>,
    application: Application,
    settings: Settings,
    signals: Signals,
    report: impl Fn(Phase) + Send + Sync + 'static,
) -> Result<(), ServeError> {
    let listeners = listeners.into();
    let limit = settings.shutdown_delay + STOP_TIMEOUT;
    let (told, stopping) = mpsc::channel();
    let (end, outcome) = mpsc::channel();
    let report: Report = Arc::new(report);
    // Not on this thread: a runtime that ends waits for its last blocking call, however long.
    let thread = Supervised::once("server", move || {
        rt::System::new().block_on(async {
            // Sent before the runtime ends.
            let _ = end.send(run(listeners, application, settings, signals, report, &told).await);
        });
    })?;
    // A message, or a closed channel, means that the shutdown has begun.
    let _ = stopping.recv();
    thread.join(limit);
    outcome.try_recv().unwrap_or(Err(ServeError::Part("server")))
}

/// Serves until a signal or a fault, and then as long as requests are under way.
async fn run(
    listeners: Listeners,
    application: Application,
    settings: Settings,
    mut signals: Signals,
    report: Report,
    told: &mpsc::Sender<()>,
) -> Result<(), ServeError> {
    let delay = settings.shutdown_delay;
    let jobs_delay = settings.exclusive_jobs_delay;
    let tls = settings.tls.clone();
    let servers = servers::build(listeners, &application, settings)?;
    let Application { lifecycle, decisions, ambient, close_streams, .. } = application;
    let clock = ambient.clock;
    let handles: Vec<ServerHandle> = servers.iter().map(Server::handle).collect();
    let mut server = select_all(servers.into_iter().map(rt::spawn));
    // It continues during the shutdown, in which requests are still answered.
    let certificate = follow_certificate(tls, clock.clone(), report.clone())?;
    let running = application.jobs.start(jobs_delay)?;
    let work = beside(running, application.parts, application.background, certificate);
    let mut work = rt::spawn(work);
    report(Phase::Ready);
    let ended = tokio::select! {
        (outcome, ..) = &mut server => return Ok(outcome.map_err(io::Error::other)??),
        part = &mut work => Err(ServeError::Part(part.unwrap_or("background"))),
        () = signals.next() => Ok(()),
    };
    lifecycle.stop();
    report(Phase::Stopping);
    let _ = told.send(());
    if let Err(error) = &ended {
        tracing::error!(%error, "stopping");
    } else {
        tracing::info!(delay = delay.as_secs_f64(), "stopping: not ready any more");
        // A second signal skips the delay.
        tokio::select! { () = rt::time::sleep(delay) => {}, () = signals.next() => {} }
    }
    // Streams have no end of their own, and the server waits for every response.
    close_streams();
    lifecycle.drain();
    let begun = clock.monotonic();
    let stops = join_all(handles.iter().map(|handle| handle.stop(true)));
    let is_drained = rt::time::timeout(DRAIN_TIMEOUT, stops).await.is_ok();
    // Idle connections are closed by now: the remaining ones wait for responses that will not come.
    let connections = if is_drained { 0 } else { lifecycle.connections() };
    let left = STOP_TIMEOUT.saturating_sub(clock.monotonic().saturating_sub(begun));
    let unrecorded = decisions.recorder().close(left.saturating_sub(END_MARGIN));
    work.abort();
    if connections > 0 || unrecorded.is_some() {
        return Err(ServeError::Lost { connections, unrecorded });
    }
    ended
}

/// The jobs and the background work; returns the name of the first part that ends.
async fn beside(
    running: RunningJobs,
    mut parts: Vec<Part>,
    background: Background,
    certificate: impl Future<Output = ()>,
) -> &'static str {
    parts.push(Part { name: "jobs", is_running: Box::new(move || running.is_running()) });
    let mut background = pin!(background());
    let mut certificate = pin!(certificate);
    let mut second = rt::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = &mut background => return "background",
            () = &mut certificate => return "certificate",
            _ = second.tick() => {
                if let Some(ended) = parts.iter().find(|part| !(part.is_running)()) {
                    return ended.name;
                }
            }
        }
    }
}

/// Reloads the certificate when its files change, and on SIGHUP. Has no end.
fn follow_certificate(
    tls: Option<Arc<Tls>>,
    clock: Arc<dyn Clock>,
    report: Report,
) -> io::Result<impl Future<Output = ()>> {
    let mut requests = Signals::reload()?;
    Ok(async move {
        let mut second = rt::time::interval(Duration::from_secs(1));
        loop {
            let is_requested = tokio::select! {
                _ = requests.recv() => true,
                _ = second.tick() => false,
            };
            if is_requested {
                report(Phase::Reloading);
            }
            if let Some(tls) = tls.clone() {
                let clock = clock.clone();
                let reload = web::block(move || tls.reload(is_requested, clock.now())).await;
                if reload.is_err() {
                    // A panic, which the log has; the pair in use stays.
                    tracing::error!("the TLS certificate was not read");
                }
            }
            if is_requested {
                report(Phase::Reloaded);
            }
        }
    })
}

/// The time for the last steps of the shutdown.
const END_MARGIN: Duration = Duration::from_millis(1500);

/// The maximum time of the recorder of such a server after the last request.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Serves on the listeners, in threads of its own, until the returned value is dropped.
///
/// # Errors
///
/// If the server cannot be started.
pub fn spawn(
    listeners: impl Into<Listeners>,
    application: Application,
    settings: Settings,
) -> io::Result<Running> {
    let listeners = listeners.into();
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        let decisions = Arc::clone(&application.decisions);
        let served = rt::System::new().block_on(async {
            let tls = settings.tls.clone();
            let jobs_delay = settings.exclusive_jobs_delay;
            let servers = servers::build(listeners, &application, settings)?;
            let certificate =
                follow_certificate(tls, application.ambient.clock.clone(), Arc::new(|_| {}))?;
            let Application { parts, background, .. } = application;
            let running = application.jobs.start(jobs_delay)?;
            let work = beside(running, parts, background, certificate);
            let _ = send.send(servers.iter().map(Server::handle).collect());
            let work = rt::spawn(work);
            let outcome = try_join_all(servers).await;
            work.abort();
            outcome.map(drop)
        });
        let unrecorded = decisions.recorder().close(CLOSE_TIMEOUT);
        if let Some(unrecorded) = unrecorded {
            tracing::error!(%unrecorded, "decisions are lost");
        }
        served
    });
    match receive.recv() {
        Ok(handles) => Ok(Running { handles, thread: Some(thread) }),
        Err(_) => Err(io::Error::other("the server did not start")),
    }
}

/// A server that runs in threads of its own.
pub struct Running {
    handles: Vec<ServerHandle>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for handle in &self.handles {
            drop(handle.stop(false));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
