//! The context that all connections share: settings, request ids, clock, lifecycle,
//! admission.

use std::sync::Arc;

use actix_web::web;
use portcullis_domain::Clock;

use super::admission::Admission;
use crate::lifecycle::Lifecycle;
use crate::request_id::RequestIds;
use crate::settings::Settings;

/// The shared context of connections.
#[derive(Clone)]
pub(crate) struct ConnectionContext {
    pub(crate) settings: web::Data<Settings>,
    pub(crate) request_ids: web::Data<RequestIds>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lifecycle: web::Data<Lifecycle>,
    pub(crate) admission: Arc<Admission>,
}
