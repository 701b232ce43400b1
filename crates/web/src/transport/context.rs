//! The context that all connections share: settings, request ids, clock, lifecycle,
//! admission.

use std::sync::Arc;

use actix_web::web;
use portcullis_domain::{Ambient, Clock};

use super::admission::Admission;
use crate::lifecycle::Lifecycle;
use crate::request_id::RequestIds;
use crate::request_metrics::RequestMetrics;
use crate::settings::Settings;

/// The shared context of connections.
#[derive(Clone)]
pub(crate) struct ConnectionContext {
    pub(crate) settings: web::Data<Settings>,
    pub(crate) request_ids: web::Data<RequestIds>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lifecycle: web::Data<Lifecycle>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) metrics: Arc<RequestMetrics>,
}

impl ConnectionContext {
    /// The context of a node.
    pub(crate) fn new(
        settings: Settings,
        ambient: &Ambient,
        lifecycle: Arc<Lifecycle>,
        metrics: Arc<RequestMetrics>,
    ) -> Self {
        Self {
            admission: Admission::new(&settings),
            settings: web::Data::new(settings),
            request_ids: web::Data::new(RequestIds::new(&*ambient.random)),
            clock: ambient.clock.clone(),
            lifecycle: web::Data::from(lifecycle),
            metrics,
        }
    }

    /// The context of a listener without TLS beside the public one, with these changes.
    pub(crate) fn beside(&self, change: impl FnOnce(&mut Settings)) -> Self {
        // RFC 6797 section 7.2: no `Strict-Transport-Security` without TLS.
        let mut settings = Settings { secure_cookies: false, ..self.settings.as_ref().clone() };
        change(&mut settings);
        Self { settings: web::Data::new(settings), ..self.clone() }
    }

    /// The same, with connections that are limited by themselves.
    pub(crate) fn apart(self) -> Self {
        Self { admission: Admission::new(&self.settings), ..self }
    }
}
