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
use crate::request_id::RequestIds;
use crate::settings::Settings;
use crate::stack;
use crate::transport::{self, Admission, ConnectionContext};

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
        let limits = Arc::new(Limits::new(self.rate_limits, self.settings.requests));
        let shared = ConnectionContext {
            admission: Admission::new(&self.settings),
            settings: web::Data::new(self.settings),
            request_ids: web::Data::new(RequestIds::new(&*self.ambient.random)),
            clock: self.ambient.clock.clone(),
            lifecycle: web::Data::from(self.lifecycle),
        };
        let ConnectionContext { settings, request_ids, lifecycle, .. } = shared.clone();
        let (ambient, groups) = (web::Data::new(self.ambient), Groups(self.groups));
        let app = move || {
            let app = App::new()
                .app_data(settings.clone())
                .app_data(request_ids.clone())
                .app_data(lifecycle.clone())
                .app_data(ambient.clone())
                .app_data(groups)
                .app_data(web::Data::from(limits.clone()))
                .configure(|app| routes(app, &limits));
            stack::layers(app, &settings)
        };
        transport::server(app, listener, &shared)
    }
}
