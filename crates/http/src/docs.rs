//! `/api/docs`: a viewer of the API document, bundled, with nothing loaded from elsewhere.

use actix_web::web::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the viewer lives.
pub(crate) const PATH: &str = "/api/docs";

/// Mounts the viewer, where it is wanted.
pub(crate) fn configure(app: &mut ServiceConfig, wanted: bool) {
    if wanted {
        let config = Config::from("/api/openapi.json").validator_url("none");
        app.service(SwaggerUi::new("/api/docs/{_:.*}").config(config));
    }
}
