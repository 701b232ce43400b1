//! The JSON routes as part of a server.

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use portcullis_web::{Configure, Limits};

use crate::node::document::Document;
use crate::node::health;
use crate::{docs, document, routes};

/// Mounts the routes, and a viewer of the API document if `docs` is true. Each handler takes its
/// use case from the [`AppData`](portcullis_web::AppData) of the server.
pub fn configure(docs: bool) -> Configure {
    let document = Arc::new(Document::new(document::document()));
    Arc::new(move |app: &mut ServiceConfig, limits: &Arc<Limits>| {
        app.app_data(web::Data::from(document.clone()));
        routes::configure(app, limits);
        // The server tries paths in this order, and few requests are for the viewer.
        if docs {
            docs::mount(app, limits);
        }
    })
}

/// The liveness route, for a server that has no database yet.
pub fn liveness(app: &mut ServiceConfig) {
    app.route(health::LIVE.path, web::get().to(health::live))
        .route(health::LIVE.path, web::head().to(health::live));
}
