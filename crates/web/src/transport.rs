//! Transport limits between a socket and the HTTP server: bounds by time and by bytes.
//!
//! - The head of each request has [`HEAD_TIMEOUT`](bounds::HEAD_TIMEOUT) from its first byte, and
//!   at most [`MAX_HEAD`](head::MAX_HEAD) bytes; the same timeout holds for a new connection
//!   that sends nothing.
//! - The rest of a body after the response is read for [`DRAIN_TIMEOUT`](bounds::DRAIN_TIMEOUT) and
//!   up to [`MAX_DRAINED`](bounds::MAX_DRAINED) bytes, so that clients see the response; then the
//!   connection ends.
//! - From a client that does not read its responses nothing more is read. It has at most
//!   [`SEND_BUFFER`](bounds::SEND_BUFFER) bytes in the system, and its connection ends if it takes
//!   less than [`MIN_TAKEN`](bounds::MIN_TAKEN) in [`WRITE_TIMEOUT`](bounds::WRITE_TIMEOUT).
//! - The HTTP server gets one request of a connection at a time. The next one waits in at most one
//!   read, and is discarded if the response before it ends the connection.
//! - `100 Continue` is sent when the body is read for the first time, after guard and limits.
//! - A client address has a limited number of open connections, and so has the node: see
//!   `admission.rs`.
//! - Input that is no HTTP request, or that a proxy could read differently, gets a problem document,
//!   like every other error, and ends the connection.

mod admission;
mod bounds;
mod chunked;
mod connection;
mod context;
mod framing;
mod head;
mod progress;
mod refusal;

use std::fmt;
use std::future::ready;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpServiceBuilder, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;

use self::admission::Admission;
use self::connection::Connection;
pub(crate) use self::context::ConnectionContext;
pub(crate) use self::progress::Progress;
use crate::lifecycle;

/// The time for which a connection without a request is kept open for the next one.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The timeout for the last bytes of a connection.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server of this application on the listener. It handles no signals.
pub(crate) fn server<A, I, S, B>(
    app: A,
    listener: TcpListener,
    shared: &ConnectionContext,
) -> io::Result<Server>
where
    A: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    B: MessageBody + 'static,
{
    let shared = shared.clone();
    let mut server =
        Server::build().disable_signals().shutdown_timeout(lifecycle::DRAIN_TIMEOUT.as_secs());
    if let Some(workers) = shared.settings.workers {
        server = server.workers(workers);
    }
    let draining = server.graceful_shutdown_signal();
    let admission = Admission::new(&shared.settings);
    let server = server.listen("http", listener, move || {
        let draining = draining.clone();
        let (shared, admission) = (Rc::new(shared.clone()), Arc::clone(&admission));
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpServiceBuilder::default()
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            // Each head has its timeout in the connection, and not only the first.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .on_connect_ext(|connection: &Connection, data: &mut Extensions| {
                data.insert(connection.progress());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            let place = admission.admit(peer.map(|peer| peer.ip()), &shared.settings);
            if place.is_none() {
                shared.lifecycle.refused();
            }
            let connection = place.map(|place| Connection::new(stream, Rc::clone(&shared), place));
            let refused = || DispatchError::Io(ErrorKind::ConnectionRefused.into());
            ready(connection.map(|connection| (connection, peer)).ok_or_else(refused))
        })
        .and_then(http)
    })?;
    Ok(server.run())
}
