//! The servers of a node: one for each listener, each with its own threads.

use std::io;
use std::sync::Arc;

use actix_server::Server;
use actix_web::web;

use crate::application::Application;
use crate::listeners::{Listeners, Operations};
use crate::local::MonitorNetwork;
use crate::mount::Configure;
use crate::service::{Service, ServiceContext};
use crate::settings::{ConnectionLimits, Settings};
use crate::transport::Endpoint;

/// The servers, ready to run.
pub(crate) fn build(
    listeners: Listeners,
    application: &Application,
    settings: Settings,
) -> io::Result<Vec<Server>> {
    let Listeners { public, redirect, operations } = listeners;
    let public = Endpoint::public(public, &settings);
    let service = ServiceContext::new(Service {
        settings,
        rate_limits: application.rate_limits.clone(),
        lifecycle: application.lifecycle.clone(),
        ambient: application.ambient.clone(),
        groups: application.groups,
    });
    let mut servers =
        vec![service.server(public, with_data(application, application.configure.clone()))?];
    if let Some(listener) = redirect {
        servers.push(service.redirects(listener)?);
    }
    if let Some(Operations { listener, configure }) = operations {
        let monitors = MonitorNetwork::of(listener.local_addr()?.ip());
        let configure: Configure = Arc::new(move |app, limits| {
            app.app_data(monitors);
            configure(app, limits);
        });
        let service = service.apart(monitor_settings);
        let routes = with_data(application, configure);
        servers.push(service.server(Endpoint::plain(listener), routes)?);
    }
    Ok(servers)
}

/// The settings of the listener for operators and monitors. Its connections are not limited together
/// with those of clients, and no proxy is in front of it.
pub(crate) fn monitor_settings(settings: &mut Settings) {
    settings.trusted_proxies = Vec::new();
    settings.connections =
        ConnectionLimits { total: 256, per_address: 256, exempt_networks: Vec::new() };
}

/// The same routes, with the data of the application.
fn with_data(application: &Application, configure: Configure) -> Configure {
    let authenticator = web::Data::from(application.authenticator.clone());
    let decisions = web::Data::from(application.decisions.clone());
    let step_up = web::Data::from(application.step_up.clone());
    let data = application.data.clone();
    Arc::new(move |app, limits| {
        app.app_data(authenticator.clone()).app_data(decisions.clone()).app_data(step_up.clone());
        data.install(app);
        configure(app, limits);
    })
}
