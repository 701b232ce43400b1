//! The pages as part of a server.

use std::sync::Arc;

use actix_web::web;
use portcullis_web::{Configure, Mount};

use crate::brand::Brand;
use crate::routes;
use crate::site::{Offers, Site};

/// Mounts the pages, in the look of this operator. Each handler takes its use case from the
/// [`AppData`](portcullis_web::AppData) of the server.
pub fn configure(brand: Brand, offers: Offers) -> Configure {
    let site = web::Data::new(Site::new(brand, offers));
    Arc::new(move |app, limits| {
        app.app_data(site.clone());
        routes::routes(&mut Mount::new(app, limits));
    })
}
