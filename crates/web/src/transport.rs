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
//! - A TLS handshake has [`HANDSHAKE_TIMEOUT`](bounds::HANDSHAKE_TIMEOUT); too many handshakes under
//!   way end the oldest: see `pending.rs`.
//! - A client address has a limited number of open connections, and so has the node: see
//!   `admission.rs`.
//! - Input that is no HTTP request, or that a proxy could read differently, gets a problem document,
//!   like every other error, and ends the connection.

mod acceptor;
mod admission;
mod bounds;
mod chunked;
mod connection;
mod context;
mod framing;
mod handshake;
mod head;
mod progress;
mod proxy_header;
mod refusal;
mod stream;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{Extensions, HttpServiceBuilder, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;

use self::acceptor::Acceptor;
use self::connection::Connection;
pub(crate) use self::context::ConnectionContext;
pub(crate) use self::progress::Progress;
pub use self::proxy_header::{ProxyHeaderError, proxied_client};
use crate::lifecycle;
use crate::settings::Settings;
use crate::tls::Tls;

/// The time for which a connection without a request is kept open for the next one.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The timeout for the last bytes of a connection.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A bound socket, and the protocol of its connections.
pub(crate) struct Endpoint {
    pub(crate) listener: TcpListener,
    /// `None` without TLS.
    pub(crate) tls: Option<Arc<Tls>>,
    /// True if the connections of trusted proxies begin with a header of the PROXY protocol.
    pub(crate) proxy_protocol: bool,
    /// Threads that serve requests; `None` for one per core.
    pub(crate) workers: Option<usize>,
}

impl Endpoint {
    /// Without TLS, and with one thread.
    pub(crate) const fn plain(listener: TcpListener) -> Self {
        Self { listener, tls: None, proxy_protocol: false, workers: Some(1) }
    }

    /// As the settings of the public listener say.
    pub(crate) fn public(listener: TcpListener, settings: &Settings) -> Self {
        Self {
            listener,
            tls: settings.tls.clone(),
            proxy_protocol: settings.proxy_protocol,
            workers: settings.workers,
        }
    }
}

/// A server of this application on the endpoint. It handles no signals.
pub(crate) fn server<A, I, S, B>(
    app: A,
    endpoint: Endpoint,
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
    let Endpoint { listener, tls, proxy_protocol, workers } = endpoint;
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    let draining = server.graceful_shutdown_signal();
    let server = server.listen("http", listener, move || {
        let draining = draining.clone();
        let acceptor = Rc::new(Acceptor {
            shared: Rc::new(shared.clone()),
            tls: tls.clone(),
            proxy_protocol,
            draining: draining.clone(),
        });
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
            let acceptor = Rc::clone(&acceptor);
            async move { acceptor.accept(stream).await }
        })
        .and_then(http)
    })?;
    Ok(server.run())
}
