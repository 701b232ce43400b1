//! The JSON routes as an application of the server.

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use portcullis_web::{Application, Limits};

use crate::node::document::Document;
use crate::node::{health, workers};
use crate::services::Services;
use crate::{docs, document, routes};

/// Puts the routes and what they need together; with a viewer of the API document if `docs` says so.
pub fn application(services: Services, docs: bool) -> Application {
    let services = Arc::new(services);
    let document = Arc::new(Document(document::document()));
    let (shared, followed, streams) = (services.clone(), services.clone(), services.clone());
    Application {
        lifecycle: services.lifecycle.clone(),
        authenticator: services.authenticator.clone(),
        decisions: services.decisions.clone(),
        step_up: services.step_up.clone(),
        clock: services.clock.clone(),
        random: services.random.clone(),
        groups: docs::GROUPS,
        configure: Arc::new(move |app: &mut ServiceConfig, limits: &Limits| {
            app.app_data(web::Data::from(shared.clone()))
                .app_data(web::Data::from(document.clone()))
                .configure(|app| docs::configure(app, docs));
            routes::configure(app, limits);
        }),
        background: Box::new(move || Box::pin(workers::run(web::Data::from(followed)))),
        close_streams: Box::new(move || streams.feed.tail.close()),
    }
}

/// The route that says that the process lives, for a server that has no database yet.
pub fn liveness(app: &mut ServiceConfig) {
    app.route(health::LIVE.path, web::get().to(health::live));
}
