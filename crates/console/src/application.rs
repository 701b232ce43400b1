//! The pages as part of a server.

use std::sync::Arc;

use actix_web::web;
use portcullis_web::{Code, Configure, Mount};

use crate::brand::Brand;
use crate::routes;
use crate::site::Site;

/// Mounts the pages, in the look of this operator. `registration` is the refusal of registrations without
/// an invitation, if they are refused. Each handler takes its use case from the
/// [`AppData`](portcullis_web::AppData) of the server.
pub fn configure(brand: Brand, registration: Result<(), Code>) -> Configure {
    let site = web::Data::new(Site::new(brand, registration));
    Arc::new(move |app, limits| {
        app.app_data(site.clone());
        routes::routes(&mut Mount::new(app, limits));
    })
}
