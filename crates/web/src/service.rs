//! A service behind the request stack: what the stack needs, and the server that it makes.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_server::Server;
use actix_web::{App, web};
use portcullis_domain::Ambient;

use crate::group::{Group, Groups};
use crate::lifecycle::Lifecycle;
use crate::limit::{Limits, RateLimits};
use crate::mount::Configure;
use crate::redirect;
use crate::request_metrics::RequestMetrics;
use crate::settings::Settings;
use crate::stack;
use crate::transport::{self, ConnectionContext, Endpoint};

/// A service behind the request stack, with nothing else of Portcullis: connection limits and timeouts,
/// request ids, client addresses, security headers, CORS, limits, the check of the origin, strict
/// bodies, and problem documents.
///
/// Its routes may have the guards [`PUBLIC`](crate::Guard::PUBLIC) and
/// [`LOCAL`](crate::Guard::LOCAL); the others need an [`Application`](crate::Application).
pub struct Service {
    /// The settings.
    pub settings: Settings,
    /// The rate limits. A task of the service calls [`RateLimits::sweep`] every few seconds.
    pub rate_limits: Arc<RateLimits>,
    /// The phase of the server.
    pub lifecycle: Arc<Lifecycle>,
    /// Time and randomness.
    pub ambient: Ambient,
    /// Groups of routes in addition to [`API`](crate::API).
    pub groups: &'static [Group],
}

impl Service {
    /// A server with these routes on the listener. It handles no signals.
    ///
    /// # Errors
    ///
    /// If the operating system refuses the listener or a thread.
    pub fn server(self, listener: TcpListener, routes: Configure) -> io::Result<Server> {
        let endpoint = Endpoint::public(listener, &self.settings);
        ServiceContext::new(self).server(endpoint, routes)
    }
}

/// The common parts of the servers of a service.
#[derive(Clone)]
pub(crate) struct ServiceContext {
    connections: ConnectionContext,
    limits: Arc<Limits>,
    ambient: web::Data<Ambient>,
    groups: Groups,
}

impl ServiceContext {
    pub(crate) fn new(service: Service) -> Self {
        let Service { settings, rate_limits, lifecycle, ambient, groups } = service;
        let metrics = Arc::<RequestMetrics>::default();
        Self {
            limits: Arc::new(Limits::new(rate_limits, settings.requests, metrics.clone())),
            connections: ConnectionContext::new(settings, &ambient, lifecycle, metrics),
            ambient: web::Data::new(ambient),
            groups: Groups(groups),
        }
    }

    /// The context of a listener without TLS beside the public one, with these changes. Its
    /// connections do not count among those of clients.
    pub(crate) fn apart(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let connections = self.connections.beside(change).apart();
        Self { connections, ..self.clone() }
    }

    /// A server with these routes.
    pub(crate) fn server(&self, endpoint: Endpoint, routes: Configure) -> io::Result<Server> {
        let Self { connections, limits, ambient, groups } = self.clone();
        let ConnectionContext { settings, request_ids, lifecycle, .. } = connections;
        let app = move || {
            let app = App::new()
                .app_data(settings.clone())
                .app_data(web::Data::new(request_ids.of_thread()))
                .app_data(lifecycle.clone())
                .app_data(ambient.clone())
                .app_data(limits.metrics().meter(ambient.clock.clone()))
                .app_data(groups)
                .app_data(web::Data::from(limits.clone()))
                .configure(|app| routes(app, &limits));
            stack::layers(app, &settings)
        };
        transport::server(app, endpoint, &self.connections)
    }

    /// A server that redirects to the public listener.
    pub(crate) fn redirects(&self, listener: TcpListener) -> io::Result<Server> {
        redirect::server(listener, &self.connections)
    }
}
