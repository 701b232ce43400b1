//! Waiting for the database at start: the server is live and not ready.
//!
//! Start order does not matter: the server answers 503 until the database is available. The port is
//! bound meanwhile, so that clients get a response and retry.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use actix_web::{App, rt, web};
use portcullis_domain::Ambient;

use crate::lifecycle::Lifecycle;
use crate::problem::Problem;
use crate::request_id::RequestIds;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::stack;
use crate::transport::{self, Admission, ConnectionContext};

/// The time between two checks for the database.
const PERIOD: Duration = Duration::from_millis(500);

/// Answers `live` on the listener until `is_there` returns true. Returns false if a signal comes
/// first. The listener stays open.
///
/// # Errors
///
/// If the operating system gives no thread, or no second handle of the listener.
pub fn wait(
    listener: &TcpListener,
    settings: &Settings,
    ambient: &Ambient,
    signals: &mut Signals,
    live: fn(&mut ServiceConfig),
    is_there: impl Fn() -> bool + Send + Sync + 'static,
) -> io::Result<bool> {
    let shared = ConnectionContext {
        admission: Admission::new(settings),
        settings: web::Data::new(settings.clone()),
        request_ids: web::Data::new(RequestIds::new(&*ambient.random)),
        clock: ambient.clock.clone(),
        lifecycle: web::Data::new(Lifecycle::default()),
    };
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
        let server = transport::server(app, listener.try_clone()?, &shared)?;
        let handle = server.handle();
        rt::spawn(server);
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
        handle.stop(true).await;
        Ok(is_found)
    })
}

async fn not_yet() -> Result<&'static str, Problem> {
    Err(Problem::unavailable().detail("The server waits for its database."))
}
