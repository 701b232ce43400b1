//! `/api/docs`: a viewer of the API document, bundled, with nothing loaded from elsewhere.

use actix_web::web::{self, ServiceConfig};
use portcullis_web::{Group, problem_document};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The folder of the viewer and its files.
const FOLDER: &str = "/api/docs/";

/// The group of the viewer. It loads only its own files; it draws its icons as data, and adds one
/// style sheet by script, which its digest allows.
pub const GROUPS: &[Group] = &[Group {
    prefix: FOLDER,
    content_policy: "default-src 'none'; script-src 'self'; \
        style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
        img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'",
    error: problem_document,
}];

/// Mounts the viewer if `wanted` is true.
pub(crate) fn configure(app: &mut ServiceConfig, wanted: bool) {
    if wanted {
        let config = Config::from("/api/openapi.json").validator_url("none").deep_linking(true);
        app.service(web::redirect("/api/docs", FOLDER).permanent())
            .service(SwaggerUi::new("/api/docs/{_:.*}").config(config));
    }
}
