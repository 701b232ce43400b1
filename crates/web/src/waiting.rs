//! Waiting for the database at start: the server is live and not ready.
//!
//! Start order does not matter: the server answers 503 until the database is available. The ports are
//! bound meanwhile, so that clients get a response and retry.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_server::Server;
use actix_web::web::ServiceConfig;
use actix_web::{App, rt, web};
use futures_util::future::join_all;
use portcullis_domain::Ambient;

use crate::listeners::{Listeners, Operations};
use crate::problem::Problem;
use crate::redirect;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::stack;
use crate::transport::{self, ConnectionContext, Endpoint};

/// The time between two checks for the database.
const PERIOD: Duration = Duration::from_millis(500);

/// Answers `live` on the listeners until `is_there` returns true. Returns false if a signal comes
/// first. The listeners stay open.
///
/// # Errors
///
/// If the operating system gives no thread, or no second handle of a listener.
pub fn wait(
    listeners: &Listeners,
    settings: &Settings,
    ambient: &Ambient,
    signals: &mut Signals,
    live: fn(&mut ServiceConfig),
    is_there: impl Fn() -> bool + Send + Sync + 'static,
) -> io::Result<bool> {
    let shared = ConnectionContext::new(settings.clone(), ambient, Arc::default(), Arc::default());
    let ConnectionContext { settings, request_ids, .. } = shared.clone();
    let is_there = Arc::new(is_there);
    rt::System::new().block_on(async {
        let app = move || {
            let app = App::new()
                .app_data(settings.clone())
                .app_data(request_ids.clone())
                .configure(live)
                .default_service(web::to(not_yet));
            stack::layers(app, &settings)
        };
        let Listeners { public, redirect, operations } = listeners;
        let public = Endpoint::public(public.try_clone()?, &shared.settings);
        let public = Endpoint { workers: Some(1), ..public };
        let mut servers = vec![transport::server(app.clone(), public, &shared)?];
        if let Some(listener) = redirect {
            servers.push(redirect::server(listener.try_clone()?, &shared)?);
        }
        if let Some(Operations { listener, .. }) = operations {
            let operations = Endpoint::plain(listener.try_clone()?);
            servers.push(transport::server(app, operations, &shared.beside(|_| ()).apart())?);
        }
        let handles: Vec<_> = servers.iter().map(Server::handle).collect();
        for server in servers {
            rt::spawn(server);
        }
        let found = async {
            loop {
                let is_there = Arc::clone(&is_there);
                if matches!(web::block(move || is_there()).await, Ok(true)) {
                    return;
                }
                rt::time::sleep(PERIOD).await;
            }
        };
        let is_found = tokio::select! {
            () = found => true,
            () = signals.next() => false,
        };
        join_all(handles.iter().map(|handle| handle.stop(true))).await;
        Ok(is_found)
    })
}

async fn not_yet() -> Result<&'static str, Problem> {
    Err(Problem::unavailable().detail("The server waits for its database."))
}
