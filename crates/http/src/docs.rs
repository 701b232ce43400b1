//! `/api/docs`: a viewer of the API document, bundled, with nothing loaded from elsewhere.

use actix_web::web::{self, ServiceConfig};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the viewer and its files live.
pub(crate) const FOLDER: &str = "/api/docs/";

/// Mounts the viewer, where it is wanted.
pub(crate) fn configure(app: &mut ServiceConfig, wanted: bool) {
    if wanted {
        let config = Config::from("/api/openapi.json").validator_url("none").deep_linking(true);
        app.service(web::redirect("/api/docs", FOLDER).permanent())
            .service(SwaggerUi::new("/api/docs/{_:.*}").config(config));
    }
}
